import doctest
from pathlib import Path

import pytest

from fabmarket.scenario import FjspInstance, MalformedFjsp, fjsp, parse_fjsp
from fabmarket.scenario.fjsp import Operation

SCENARIOS = Path(__file__).parents[3] / "scenarios"


def test_the_shipped_instance_has_its_published_size() -> None:
    instance = parse_fjsp((SCENARIOS / "fjsp/mk01.txt").read_text(), "mk01.txt")
    assert instance.machines == 6
    assert [len(job) for job in instance.jobs] == [6, 5, 5, 5, 6, 6, 5, 5, 6, 6]
    assert instance.jobs[0][0] == Operation(((0, 5), (2, 4)))
    assert instance.jobs[9][5] == Operation(((0, 3), (3, 2)))


TWO_JOBS = FjspInstance(
    jobs=((Operation(((0, 3), (1, 4))), Operation(((1, 2),))), (Operation(((0, 7),)),)), machines=2
)


@pytest.mark.parametrize(
    "text",
    [
        "2 2\n2 2 0 3 1 4 1 1 2\n1 1 0 7\n",
        "2 2 1.5\n2 2 0 3 1 4 1 1 2\n1 1 0 7",
        "2 2 1\n2 2 0 3 1 4 1 1 2\n1 1 0 7",
        "\n\n2\t2  \n\n2  2 0 3\t1 4   1 1 2 \n   \n1 1 0 7\t\n\n\n",
        "2 2\r\n2 2 0 3 1 4 1 1 2\r\n1 1 0 7\r\n",
        "2 2\r2 2 0 3 1 4 1 1 2\r1 1 0 7\r",
        "\ufeff2 2\n2 2 00 3 01 4 1 1 2\n1 1 0 7\n",
        "2 2\n2 2 1 3 2 4 1 2 2\n1 1 1 7\n",
    ],
    ids=["plain", "average", "whole average", "spacing", "CRLF", "CR", "BOM", "machines from 1"],
)
def test_spacing_line_ends_and_the_first_machine_do_not_change_the_instance(text: str) -> None:
    assert parse_fjsp(text, "two.txt") == TWO_JOBS


def test_one_job_on_one_machine() -> None:
    expected = FjspInstance(((Operation(((0, 5),)),),), 1)
    assert parse_fjsp("1 1\n1 1 0 5", "one.txt") == expected
    assert parse_fjsp("1 1\n1 1 1 5", "one.txt") == expected


BASES = [
    ("1 3\n1 1 0 5", None, 0, "counted from 0: the file names machine 0."),
    ("1 3\n1 1 3 5", None, 1, "counted from 1: the file names machine 3 of 3."),
    ("1 3\n1 1 1 5", None, 1, "counted from 1, as instances are published: the file names neither"),
    ("1 3\n1 1 1 5", 0, 0, "counted from 0, as asked for."),
    ("1 3\n1 1 1 5", 1, 1, "counted from 1, as asked for."),
    ("1 3\n1 1 0 5", 0, 0, "counted from 0, as asked for."),
]


@pytest.mark.parametrize(("text", "given", "first", "said"), BASES)
def test_a_shop_whose_last_machines_are_unused_says_how_machines_were_counted(
    text: str, given: int | None, first: int, said: str
) -> None:
    instance = parse_fjsp(text, "one.txt", given)
    ((number, _),) = instance.jobs[0][0].alternatives
    assert number == int(text.split()[4]) - first
    assert instance.numbering.startswith(f"Machines are read as {said}")


def test_mk06_as_published_counts_its_machines_from_1() -> None:
    rows = [line.split() for line in (SCENARIOS / "fjsp/mk06.txt").read_text().splitlines()]
    assert rows[0][:2] == ["10", "10"]
    published = ["10 15 3"]
    for row in rows[1:11]:
        at, cells = 1, list(row)
        for _ in range(int(row[0])):
            for pair in range(int(row[at])):
                cells[at + 1 + 2 * pair] = str(int(row[at + 1 + 2 * pair]) + 1)
            at += 1 + 2 * int(row[at])
        published.append(" ".join(cells))
    read = parse_fjsp("\n".join(published), "Mk06.fjs")
    assert read.jobs == parse_fjsp((SCENARIOS / "fjsp/mk06.txt").read_text(), "mk06.txt").jobs
    assert "counted from 1, as instances are published" in read.numbering
    assert "--machines-from 0" in read.numbering


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("1 3\n1 1 0 5", 1, "'0' is no machine where 3 count from 1 to 3, as asked for; ask for 0"),
        ("1 3\n1 1 3 5", 0, "'3' is no machine where 3 count from 0 to 2, as asked for; ask for 1"),
    ],
)
def test_a_file_that_counts_otherwise_than_asked_for_is_refused(
    text: str, given: int, message: str
) -> None:
    with pytest.raises(MalformedFjsp) as caught:
        parse_fjsp(text, "one.txt", given)
    assert str(caught.value) == f"one.txt:2:5: {message}"


def test_an_operation_of_time_0_is_read() -> None:
    assert parse_fjsp("1 1\n1 1 0 0\n", "free.txt").jobs[0][0] == Operation(((0, 0),))
    assert [Operation(((0, n), (1, 3))).takes_time for n in (0, 1)] == [False, True]


def test_a_file_that_announces_more_than_it_holds_takes_no_memory() -> None:
    for text in ("1 1\n10000 1 0 5", "10000 10000\n1 1 0 5", "1 10000\n1 10000 0 5"):
        with pytest.raises(MalformedFjsp):
            parse_fjsp(text, "shop.txt")
    with pytest.raises(MalformedFjsp, match="the largest is 10000"):
        parse_fjsp("1 1\n1000000000 1 0 5", "shop.txt")


def test_the_examples_of_the_docstrings_run() -> None:
    assert doctest.testmod(fjsp).attempted == 2
    assert doctest.testmod(fjsp).failed == 0


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("", 1, 1, "the file is empty"),
        (" \n\n", 1, 1, "the file is empty"),
        ("2", 1, 2, "the number of machines should stand"),
        ("x 2\n", 1, 1, "'x' stands where the number of jobs should"),
        ("0 2\n", 1, 1, "'0' is not possible for the number of jobs"),
        ("1 0\n1 1 0 5", 1, 3, "'0' is not possible for the number of machines"),
        ("1 2 many\n1 1 0 5", 1, 5, "'many' stands where the average"),
        ("1 2 1.5 9\n1 1 0 5", 1, 9, "'9' is one number too many"),
        ("99999 2\n1 1 0 5", 1, 1, "the largest is 10000"),
        ("1 2\n0\n", 2, 1, "'0' is not possible for the number of operations"),
        ("1 2\n1 0\n", 2, 3, "'0' is not possible for the number of machines of operation 1"),
        ("1 2\n1 3 0 5 1 5 2 5\n", 2, 3, "'3' is too large for the number of machines"),
        ("1 2\n1 1 0 -5\n", 2, 7, "'-5' stands where a time of operation 1 should"),
        ("1 2\n1 1 0 5.5\n", 2, 7, "'5.5' stands where a time"),
        ("1 2\n1 1 0 ٣\n", 2, 7, "stands where a time"),
        ("1 2\n1 1 -1 5\n", 2, 5, "'-1' stands where a machine"),
        ("1 2\n1 1 3 5\n", 2, 5, "'3' is no machine of a shop of 2"),
        ("2 2\n1 1 0 5\n1 1 2 5\n", 3, 5, "'2' is no machine of a shop of 2, because another"),
        ("1 2\n1 2 1 5 1 6\n", 2, 9, "'1' names a machine twice in operation 1"),
        ("1 2\n2 1 0 5\n", 2, 8, "the number of machines of operation 2 should stand"),
        ("1 2\n1 1 0\n", 2, 6, "a time of operation 1 should stand"),
        ("1 2\n1 1 0 5 \t 7\n", 2, 11, "'7' is one number too many"),
        ("2 2\n1 1 0 5\n\n", 2, 8, "the file ends after 1 of 2 jobs"),
        ("1 2\n1 1 0 5\n\n1 1 0 5\n", 4, 1, "'1' starts a line after the last of 1 jobs"),
        ("1 2\n1 1 0 1000000001\n", 2, 7, "the largest is 1000000000"),
    ],
)
def test_a_malformed_file_is_refused_with_its_place(
    text: str, line: int, column: int, part: str
) -> None:
    with pytest.raises(MalformedFjsp) as caught:
        parse_fjsp(text, "shop.txt")
    error = caught.value
    assert (error.file, error.line, error.column) == ("shop.txt", line, column)
    assert str(error).startswith(f"shop.txt:{line}:{column}: ")
    assert part in str(error)


def test_a_token_of_thousands_of_digits_is_refused_and_shown_short() -> None:
    with pytest.raises(MalformedFjsp) as caught:
        parse_fjsp("1 1\n1 1 0 " + "9" * 10_000, "shop.txt")
    assert len(str(caught.value)) < 350


PLAIN = FjspInstance(
    jobs=(
        (Operation(((2, 4),)), Operation(((0, 3),)), Operation(((1, 6),))),
        (Operation(((1, 8),)), Operation(((2, 5),)), Operation(((0, 0),))),
    ),
    machines=3,
)


@pytest.mark.parametrize(
    "text",
    [
        "2 3\n2 4 0 3 1 6\n1 8 2 5 0 0\n",
        " 2 3 \r\n 2  4  0  3  1  6\r\n\r\n 1  8  2  5  0  0",
        "#+++\n# two jobs\n#+++\n2 3\n2 4 0 3 1 6\n  # a remark\n1 8 2 5 0 0\n",
        "2 3\n3 4 1 3 2 6\n2 8 3 5 1 0\n",
    ],
    ids=["plain", "spacing", "remarks", "machines from 1"],
)
def test_a_plain_job_shop_is_read(text: str) -> None:
    read = parse_fjsp(text, "ft.txt")
    assert read == PLAIN
    assert read.numbering.startswith("Job lines are read as plain, a pair machine time for each")


def test_a_plain_job_shop_of_one_machine_is_read() -> None:
    expected = FjspInstance(((Operation(((0, 5),)),), (Operation(((0, 7),)),)), 1)
    assert parse_fjsp("2 1\n0 5\n0 7\n", "one.txt") == expected
    with pytest.raises(MalformedFjsp, match="'0' is no machine where 1 count from 1 to 1"):
        parse_fjsp("2 1\n0 5\n0 7\n", "one.txt", 1)


def test_what_both_layouts_fit_is_flexible() -> None:
    assert parse_fjsp("1 2\n1 1 0 5", "both.txt").jobs == ((Operation(((0, 5),)),),)


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("2 3\n2 4 0 3 1 6\n1 8 4 5 0 1\n", 3, 5, "'4' is no machine of a shop of 3"),
        ("2 3\n2 4 0 3 1 6\n1 8 1 5 0 1\n", 3, 5, "'1' names a machine twice in one job"),
        ("2 3\n2 4 0 3 1 6\n1 8 2 5 0 -1\n", 3, 11, "'-1' stands where the time of operation 3"),
        ("2 3\n2 4 0 3 1 6\n1 8 2 5 3 1\n", 3, 9, "'3' is no machine of a shop of 3, because"),
        ("2 3\n2 4 0 3 1 6\n1 8 2 5 0\n", 2, 3, "'4' is too large for the number of machines"),
        ("1 3\n1 4 0 3 3 6\n", 2, 9, "'3' and 0 are not both machines of a shop of 3"),
        ("1 2\n1 1 0 5 7 7\n", 2, 9, "'7' is one number too many"),
    ],
)
def test_a_malformed_plain_file_is_refused_by_the_layout_that_more_of_it_fits(
    text: str, line: int, column: int, part: str
) -> None:
    with pytest.raises(MalformedFjsp) as caught:
        parse_fjsp(text, "shop.txt")
    assert (caught.value.line, caught.value.column) == (line, column)
    assert part in str(caught.value)


def test_an_error_of_either_layout_says_which_there_are() -> None:
    for text in ("2 3\n2 4 0 3 1 6\n1 8 4 5 0 1\n", "1 2\n1 1 0 5 7\n", "nb_jobs 6\n"):
        with pytest.raises(MalformedFjsp, match=r"Job lines are flexible \(.*\) or plain \("):
            parse_fjsp(text, "shop.txt")
