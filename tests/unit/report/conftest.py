"""The facts of runs that the tests of reports tell of."""

import random
from typing import Any

import pytest

from tests.unit.report.runs import (
    facts,
    job_shop,
    lie,
    of_job,
    of_product,
    paper,
    products,
)


@pytest.fixture
def products_facts() -> dict[str, Any]:
    """Two machines: a product on time, one a slot late, one lost in part, one not bought."""
    jobs = [
        of_job("job 1", [of_product("job 1", 1, (0, 0, 5)), of_product("job 1", 2, (1, 1, 10))], 1),
        of_job("job 2", [of_product("job 2", 1, (0, 0, 3)), of_product("job 2", 2, (1, 3, 4))], 2),
        of_job(
            "job 3",
            [of_product("job 3", 1, (0, 1, 6)), of_product("job 3", 2, (0, 2, 8), "refunded")],
            3,
            "machine-0 broke down",
        ),
        of_job("job 4", [], 3, "no room is left"),
    ]
    run = products(jobs, 2, 4)
    run["paid_for_incomplete"] = 120
    return run


@pytest.fixture
def plant_facts() -> dict[str, Any]:
    """20 jobs of up to 10 operations on 15 machines."""
    chance = random.Random(5)
    room = {(at, slot): 10 for at in range(15) for slot in range(10)}
    jobs = []
    for number in range(1, 21):
        steps = []
        for slot in range(10):
            minutes = chance.randint(1, 5)
            free = [at for at in range(15) if room[at, slot] >= minutes]
            at = chance.choice(free)
            room[at, slot] -= minutes
            steps.append(of_product(f"job {number}", slot + 1, (at, slot, minutes)))
        jobs.append(of_job(f"job {number}", steps, chance.randint(6, 9)))
    return products(jobs, 15, 10)


@pytest.fixture
def paper_facts() -> dict[str, Any]:
    return paper()


@pytest.fixture
def empty_facts() -> dict[str, Any]:
    return facts("nothing", 2, [])


@pytest.fixture
def job_shop_facts() -> dict[str, Any]:
    return job_shop()


@pytest.fixture
def bargaining_facts() -> dict[str, Any]:
    """The paper's people, but MRS and MRD2 bargain face to face."""
    run = paper()
    run["equilibria"] = []
    run["scenario"]["negotiation"] = "bargaining"
    (session,) = run["sessions"]
    session["kind"] = "bargaining"
    session["certificate"] = {"gain_in_the_game": None, "best_lie_in_this_session": None}
    session["members"] = [
        {key: one[key] for key in ("demander", "subtask")} for one in session["members"][1:2]
    ]
    session["rounds"] = [
        {"round": at, "by": ("supplier", "demander")[at % 2 == 0], "price": price}
        for at, price in enumerate([150, 80, 130, 105, 115, 115], 1)
    ]
    return run


@pytest.fixture
def clock_facts() -> dict[str, Any]:
    """The paper's people and a clock: 110 units are wanted at 20 where there are 60."""
    run = paper()
    run["equilibria"] = []
    run["scenario"]["concept"] = "clock"
    (session,) = run["sessions"]
    replies = {20: [15, 40, 55], 25: [15, 40, 55], 31: [0, 40, 55], 38: [0, 10, 40]}
    session["rounds"] = [
        {"round": at, "price": price, "sum": sum(answer), "supply": 60.0, "replies": answer}
        for at, (price, answer) in enumerate(replies.items(), 1)
    ]
    exits = [{"price": 27, "units": 15}, {"price": 35, "units": 45}]
    session["certificate"] = {
        "gain_in_the_game": None,
        "best_lie_in_this_session": lie(0, 0) | {"method": "menu"},
    }
    session["clock"] = {"room": 60, "lots": False, "exits": exits}
    session["price"] = 35
    for one, (units, payment) in zip(
        session["members"], ((0, 0), (5, 135), (55, 1_790)), strict=True
    ):
        one |= {"units": units, "payment": payment}
    return run
