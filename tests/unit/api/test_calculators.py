"""The calculators say what the game and a session say."""

import re
from itertools import product

import httpx
import pytest

from fabmarket.game import CONCEPTS, Game, solve
from fabmarket.market.units import LARGEST_QUANTITY

GAME = {
    "benefit": [100, 200, 200],
    "cost": [45, 45, 15],
    "supplier_cost": 10,
    "a": 0.8,
    "b": 0.2,
}
SESSION = {
    "concept": "simultaneous",
    "demand_weight": "800000",
    "supply_weight": "200000",
    "maintenance": "10",
    "capacity": "1000",
    "wants": [{"margin": "55"}, {"margin": "155"}, {"margin": "185"}],
}


@pytest.mark.parametrize("concept", CONCEPTS)
def test_an_equilibrium_is_that_of_the_solver(concept: str, client: httpx.Client) -> None:
    answer = client.post("/v1/calculators/equilibrium", json=GAME | {"concepts": [concept]})
    (said,) = answer.json()
    expected = solve(Game(*(GAME[key] for key in GAME)), concept)
    assert said["concept"] == concept
    assert said["found"]["price"] == expected.price
    assert said["found"]["demand"] == expected.demand.tolist()
    assert said["found"]["is_certified"] == expected.certificate.holds
    assert (said["reason"], said["found"]["note"]) == ("", expected.note)


@pytest.mark.parametrize("concept", ["simultaneous", "demanders-lead", "balanced"])
def test_where_the_curves_cross_is_the_price(concept: str, client: httpx.Client) -> None:
    body = GAME | {"concepts": [concept]}
    (said,) = client.post("/v1/calculators/equilibrium", json=body).json()
    price, curve = said["found"]["price"], said["curve"]
    assert len(curve) == 41
    for point in curve:
        excess = point["wanted"] - point["needed"]
        assert excess * (price - point["price"]) >= -1e-6


def test_regression_no_zero_has_a_sign(client: httpx.Client) -> None:
    for benefit, cost, a, bound in product((0, 10), (0, 10, 45), (0.05, 2), (None, 0)):
        game = {"benefit": [benefit, 10], "cost": [cost, 45], "supplier_cost": 0, "a": a, "b": 0.2}
        body = {**game, "supply_cap": bound, "concepts": list(CONCEPTS)}
        answer = client.post("/v1/calculators/equilibrium", json=body)
        assert answer.status_code == 200
        assert not re.search("-0(?:\\.0+)?[],}]", answer.text), body
        assert "e-324" not in answer.text, body


def test_what_has_no_equilibrium_says_why(client: httpx.Client) -> None:
    body = GAME | {"a": 0.1, "concepts": ["balanced", "simultaneous"]}
    none, some = client.post("/v1/calculators/equilibrium", json=body).json()
    assert (none["found"], none["curve"]) == (None, [])
    assert "a > b" in none["reason"]
    assert some["found"] is not None


def test_bounds_are_kept(client: httpx.Client) -> None:
    body = GAME | {"cap": [None, 50, None], "supply_cap": 40, "budget": None}
    (said,) = client.post("/v1/calculators/equilibrium", json=body).json()
    assert said["found"]["demand"][1] <= 50
    assert said["found"]["supply"] <= 40


def test_a_session_finds_the_price_of_its_equilibrium(client: httpx.Client) -> None:
    said = client.post("/v1/calculators/quote", json=SESSION).json()
    assert said["price"] == "87"  # the equilibrium's is 87.5
    assert [each["units"] for each in said["awards"]] == ["0", "85", "122"]
    assert said["rounds"][-1]["price"] in ("87", "88")
    assert int(said["rounds"][0]["price"]) == 10
    for award in said["awards"]:
        assert int(award["payment"]) == 87 * int(award["units"])


def test_a_session_without_a_price_says_so(client: httpx.Client) -> None:
    body = SESSION | {"wants": [{"margin": "1"}]}
    said = client.post("/v1/calculators/quote", json=body).json()
    assert said["price"] is None
    assert [each["units"] for each in said["awards"]] == ["0"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"capacity": 10}, "body.capacity"),
        ({"capacity": "010"}, "body.capacity"),
        ({"capacity": "-1"}, "body.capacity"),
        ({"capacity": str(2**64)}, "body.capacity"),
        ({"demand_weight": "0"}, "body"),
        ({"maintenance": str(2**128)}, "body.maintenance"),
        ({"concept": "clock"}, "body.concept"),
        ({"wants": []}, "body.wants"),
        ({"wants": [{"margin": "5"}] * 101}, "body.wants"),
        ({"wants": [{"margin": "5", "is_divisible": False}]}, "body.wants"),
        ({"wants": [{"margin": "5", "is_divisible": "no"}]}, "body.wants.0.is_divisible"),
        ({"wants": [{"margin": "5", "more": 1}]}, "body.wants.0.more"),
    ],
)
def test_terms_that_are_none_are_refused(
    changed: dict[str, object], field: str, client: httpx.Client
) -> None:
    answer = client.post("/v1/calculators/quote", json=SESSION | changed)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == field


def test_the_largest_numbers_are_no_trouble(client: httpx.Client) -> None:
    most = str(2**128 - 1)
    wants = [{"margin": most, "quantity": str(2**64 - 2)}] * 100
    body = {
        **dict.fromkeys(("demand_weight", "supply_weight", "maintenance"), most),
        "concept": "simultaneous",
        "capacity": str(2**64 - 2),
        "wants": wants,
    }
    assert client.post("/v1/calculators/quote", json=body).status_code == 200
    many = {"benefit": [1e75] * 1000, "cost": [0] * 1000, "supplier_cost": 0, "a": 1e75, "b": 1e-75}
    body = many | {"concepts": list(CONCEPTS)}
    assert client.post("/v1/calculators/equilibrium", json=body).status_code == 200


@pytest.mark.parametrize(
    ("changed", "field", "most"),
    [
        ({"maintenance": str(2**128)}, "body.maintenance", 2**128 - 1),
        ({"capacity": str(LARGEST_QUANTITY + 1)}, "body.capacity", LARGEST_QUANTITY),
    ],
)
def test_regression_the_bound_of_a_large_number_is_told_to_its_last_digit(
    changed: dict[str, str], field: str, most: int, client: httpx.Client
) -> None:
    """It was told rounded, 340282366920938500000000000000000000000."""
    answer = client.post("/v1/calculators/quote", json=SESSION | changed)
    assert answer.status_code == 422
    said = {"code": "invalid", "message": f"{field}: Input should be from 0 to {most}"}
    assert answer.json()["error"] == {**said, "field": field}
    at_most = client.post("/v1/calculators/quote", json=SESSION | dict.fromkeys(changed, str(most)))
    assert "Input should be" not in at_most.text
