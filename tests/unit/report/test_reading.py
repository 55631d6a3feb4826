from fabmarket.report.reading import (
    People,
    done_with,
    equilibrium_of,
    exposed_in_words,
    featured_equilibrium,
    featured_session,
    key_figures,
    least_cost,
    lie_left,
    lies_in_words,
    member_labels,
    outcome,
    price_errors,
    products_told,
    sold,
    unserved_reasons,
    why,
)


def test_a_stranger_or_a_nameless_participant_is_called_by_the_short_address(paper_facts):
    someone = paper_facts["participants"][0]
    assert People(paper_facts).name(someone["address"]) == "MRD1"
    someone["name"] = ""
    nameless = f"{someone['address'][:6]}…{someone['address'][-4:]}"
    assert People(paper_facts).name(someone["address"]) == nameless
    assert People(paper_facts).name("0x" + "ab" * 20) == "0xabab…abab"


def test_the_session_with_most_members_is_featured(job_shop_facts):
    session = featured_session(job_shop_facts)
    assert len(session["members"]) == 10
    assert featured_equilibrium(job_shop_facts) == equilibrium_of(job_shop_facts, session)


def test_of_equal_sessions_an_agreed_one_is_featured(paper_facts):
    failed = paper_facts["sessions"][0] | {"id": "0xfa", "outcome": "no agreement"}
    longer = failed | {"rounds": failed["rounds"] * 3}
    paper_facts["sessions"] = [longer, paper_facts["sessions"][0], failed]
    assert featured_session(paper_facts)["outcome"] == "agreed"


def test_without_a_played_round_the_largest_equilibrium_is_featured(paper_facts, empty_facts):
    assert featured_session(empty_facts) is None
    assert featured_equilibrium(empty_facts) is None
    paper_facts["sessions"][0]["rounds"] = []
    assert featured_session(paper_facts) is None
    assert featured_equilibrium(paper_facts)["price"] == 115.0


def test_members_are_told_apart_by_sub_task_when_one_demander_sits_twice(paper_facts):
    session = paper_facts["sessions"][0]
    people = People(paper_facts)
    assert member_labels(session, people) == ["MRD1", "MRD2", "MRD3"]
    session["members"][1]["demander"] = session["members"][0]["demander"]
    assert member_labels(session, people) == ["product 1 / part 1", "product 2 / part 1", "MRD3"]


def test_price_errors_are_distances_from_the_sessions_own_equilibrium(paper_facts):
    assert price_errors(paper_facts) == [[(1, 105.0), (2, 7.0), (3, 0.0)]]
    paper_facts["equilibria"][0]["session"] = "0xanother"
    assert price_errors(paper_facts) == []


def test_bargaining_has_no_equilibrium_to_approach(bargaining_facts):
    assert price_errors(bargaining_facts) == []


def test_sold_sums_over_trades_of_one_resource_and_slot(paper_facts):
    assert sold(paper_facts) == {("S", 0): 275}


def test_reasons_are_counted_most_frequent_first(job_shop_facts):
    counted = unserved_reasons(job_shop_facts)
    assert sum(count for _, count in counted) == len(job_shop_facts["unserved"])
    assert counted == sorted(counted, key=lambda item: -item[1])


def test_key_figures(paper_facts):
    assert dict(key_figures(paper_facts)) == {
        "Sub-tasks": "3",
        "Trades": "2",
        "Settled": "2 single at 88,002 gas a trade",
        "Unserved": "1",
        "Units traded": "275",
        "Paid": "31,625 FMC",
        "Gas": "176,003",
        "Messages ignored": "1 of 31 deliveries",
        "Audit": "passed, 11 values",
    }
    paper_facts["audit"]["ok"] = paper_facts["audit"]["checks"][1]["ok"] = False
    assert dict(key_figures(paper_facts))["Audit"] == "FAILED, 1 of 3 checks"


def test_why_names_the_resource_and_both_quantities(paper_facts):
    assert [why(test) for test in paper_facts["verification_tests"]] == [
        "nothing is above what the operators attested",
        "m3 was never attested",
        "m1: 20 reported, 10 attested",
        "m3 was never attested",
    ]


def test_products_are_counted_as_complete_on_time_and_paid_in_vain(products_facts):
    assert products_told(products_facts) == "2 of 4 products complete, 1 on time"
    figures = dict(key_figures(products_facts))
    assert figures["Products"] == "2 of 4 products complete, 1 on time"
    assert figures["Paid for unfinished products"] == "1.20 FMC"
    outcomes = [outcome(one) for one in products_facts["products"]]
    assert outcomes == ["on time", "1 slot late", "bought in part", "not bought"]
    assert [done_with(one) for one in products_facts["products"]] == [1, 3, None, None]


def test_a_run_without_products_does_not_speak_of_them(paper_facts):
    assert not {"Products", "Paid for unfinished products"} & set(dict(key_figures(paper_facts)))


def test_a_best_lie_says_how_sure_it_is(paper_facts, job_shop_facts, bargaining_facts):
    lies = {
        one["certificate"]["best_lie_in_this_session"]["gain"]: lie_left(one, job_shop_facts)
        for one in job_shop_facts["sessions"]
    }
    assert (lies[0], lies[100]) == ("0 found", "≥ 1.00 FMC")
    assert lie_left(paper_facts["sessions"][0], paper_facts) == "1,901 FMC"
    assert lie_left(bargaining_facts["sessions"][0], bargaining_facts) == "–"


def test_the_best_lies_of_a_run_in_words(paper_facts, empty_facts):
    assert lies_in_words(empty_facts) == ""
    lie = paper_facts["sessions"][0]["certificate"]["best_lie_in_this_session"]
    lie |= {"gain": 0, "seat": None}
    assert lies_in_words(paper_facts).startswith("Best lie: 0 in 1 session, exactly.")
    lie["bound"] = "at least"
    assert lies_in_words(paper_facts).startswith("Best lie: 0 in 1 session, as far as was tried.")


def test_regression_a_product_of_which_nothing_is_held_any_more_is_paid_back(products_facts):
    """It was "bought in part", at a price of 0."""
    _, _, partly, never = products_facts["products"]
    assert (outcome(partly), outcome(never)) == ("bought in part", "not bought")
    for state, said in (
        ("refunded", "paid back"),
        ("lost", "bought in part"),
        ("left", "bought in part"),
    ):
        partly["steps"][0]["state"] = state
        assert outcome(partly) == said


def test_after_a_loss_the_least_cost_is_of_the_rest(products_facts):
    whole, _, broken, _ = products_facts["products"]
    assert least_cost(whole, products_facts) == "48.00"
    assert least_cost(broken, products_facts) == "rest 48.00"
    whole["least"] = None
    assert least_cost(whole, products_facts) == "–"


def test_why_trades_settled_late_is_said_where_parties_would_have_been_seen(paper_facts):
    assert exposed_in_words(paper_facts) == ""
    said = exposed_in_words({**paper_facts, "exposed": 3})
    assert said.startswith("3 parties stayed out of a net batch in which fewer than 10 baskets")
