from fabmarket.scenario import TABLE_1


def test_the_four_rows_are_numbered_and_share_what_the_operators_attested() -> None:
    assert [test.number for test in TABLE_1] == [1, 2, 3, 4]
    assert {test.attested for test in TABLE_1} == {(("m1", 10), ("m2", 30))}


def test_the_expectation_of_each_row_follows_from_its_quantities() -> None:
    for test in TABLE_1:
        attested = dict(test.attested)
        faults = [
            ("NotAttested" if name not in attested else "OverReported", name)
            for name, quantity in test.reported
            if quantity > attested.get(name, 0)
        ]
        assert faults == ([] if test.offender is None else [(test.expected, test.offender)])
    assert [test.expected for test in TABLE_1] == [
        "accepted",
        "NotAttested",
        "OverReported",
        "NotAttested",
    ]
