"""docs/reference/session.md against the code: no message, input, output or reason is left out."""

import ast
from pathlib import Path
from typing import get_args

import pytest

from fabmarket.market.messages import MOST_ASKED, Message
from fabmarket.negotiation import wants
from fabmarket.negotiation.moves import Input, Output
from fabmarket.negotiation.products import reasons
from fabmarket.negotiation.supplier import custom, rounds
from fabmarket.node.envelope import LARGEST_DEMAND

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "session.md").read_text()
SOURCES = ROOT / "src" / "fabmarket"
REFUSALS = {
    "BadPath",
    "InvalidCounter",
    "InvalidMove",
    "SecondWord",
    "TooEarly",
    "Unacceptable",
    "Undeliverable",
}
ROOMS = ("market/sums.py", "negotiation", "node/envelope.py")


def refusals():
    """Every reason that the sources raise, with … for what is filled in."""
    for room in ROOMS:
        place = SOURCES / room
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                    continue
                if getattr(node.exc.func, "id", "") not in REFUSALS:
                    continue
                match node.exc.args[0]:
                    case ast.Constant(value=text):
                        yield text
                    case ast.JoinedStr(values=parts):
                        yield "".join(
                            part.value if isinstance(part, ast.Constant) else "…" for part in parts
                        )


@pytest.mark.parametrize("reason", sorted(set(refusals())))
def test_every_reason_of_a_refusal_is_on_the_page(reason):
    assert f"`{reason}`" in PAGE


def test_there_are_reasons_to_look_for():
    assert len(set(refusals())) > 60


@pytest.mark.parametrize("kind", [*get_args(Message), *get_args(Input), *get_args(Output)])
def test_every_message_input_and_output_has_a_row(kind):
    assert f"\n| `{kind.__name__}` |" in PAGE


def test_every_end_of_a_want_is_on_the_page():
    ends = [value for name, value in vars(wants).items() if name.isupper()]
    ends = [value for value in ends if isinstance(value, str)]
    assert len(ends) == 21
    assert [end for end in ends if end not in PAGE] == []


def ends_of_a_product():
    ends = [value for name, value in vars(reasons).items() if name.isupper()]
    return [value for value in ends if isinstance(value, str)]


def test_every_end_of_a_product_is_on_the_page():
    ends = ends_of_a_product()
    assert len(ends) == 11
    assert [end for end in ends if end not in PAGE] == []


def test_what_to_do_about_a_product_that_is_not_bought_is_on_the_how_to():
    said = (ROOT / "docs" / "how-to" / "buy-a-product.md").read_text("utf-8")
    assert {end for end in ends_of_a_product() if end not in said} == {reasons.BY_OWNER}


def test_the_bounds_are_those_of_a_beat():
    text = " ".join(PAGE.split())
    assert f"asks for {MOST_ASKED} alternatives at most, in a demand of at most" in text
    assert f"of at most {LARGEST_DEMAND:,} bytes" in text
    assert f"adds up to {custom.MOST_OF_ALL:,} alternatives a beat" in text
    assert f"no more than {custom.MOST_OF_STRANGERS:,} are asked for" in text
    assert f"Of one demander {rounds.MOST_PRODUCTS} products are heard" in text
    assert f"while no more than {custom.MOST_OF_THE_POOR} are" in text
