"""A claim told by its template: what is missing is an error, and every template is used."""

from importlib.resources import files

import pytest
from jinja2 import Environment, StrictUndefined, UndefinedError
from jinja2.loaders import DictLoader

from fabmarket.errors import Bug
from fabmarket.paper import claim
from fabmarket.paper.claim import FAILS, Table, tell
from fabmarket.paper.reproduction import claims

SHARED = {"raise-how"}
MINIMAL = """
{% set title %}A title{% endset %}
{% set place %}Eq. 1{% endset %}
{% set words %}its words{% endset %}
{% set reason %}over two
lines{% endset %}
{% set how %}by {{ way }}{% endset %}
{% set got %}
One
paragraph.

Another, with {{ number }}.
{% endset %}
"""
TABLES = """
{% set tables %}
First
|  | b |
| x |  |

Second
| c |
| {{ number }} |
{% endset %}
{% set figures %}
one: Its caption: with a colon.
two: Another.
{% endset %}
"""


@pytest.fixture
def template(monkeypatch):
    def put(text):
        loader = DictLoader({"claims/made-up.txt": text})
        made = Environment(loader=loader, undefined=StrictUndefined)  # noqa: S701 (plain text)
        monkeypatch.setattr(claim, "TEMPLATES", made)

    return put


def test_every_claim_has_its_template_in_the_package_and_every_template_its_claim(numbers):
    shipped = {each.name for each in files("fabmarket.paper").joinpath("claims").iterdir()}
    assert shipped == {f"{name}.txt" for name in {one.id for one in claims(numbers)} | SHARED}


def test_words_come_from_the_template_and_line_breaks_mean_nothing(template):
    template(MINIMAL)
    told = tell("made-up", FAILS, {"way": "hand", "number": 7})
    assert (told.id, told.verdict, told.title, told.how) == ("made-up", FAILS, "A title", "by hand")
    assert told.reason == "over two lines"
    assert told.got == ("One paragraph.", "Another, with 7.")
    assert told.tables == ()
    assert told.figures == {}


def test_tables_and_captions_come_from_the_template(template):
    template(MINIMAL + TABLES)
    told = tell("made-up", FAILS, {"way": "hand", "number": 7})
    assert told.tables == (
        Table("First", ("", "b"), (("x", ""),)),
        Table("Second", ("c",), (("7",),)),
    )
    assert told.figures == {"one": "Its caption: with a colon.", "two": "Another."}


def test_a_number_that_nobody_measured_is_an_error(template):
    template(MINIMAL)
    with pytest.raises(UndefinedError, match="'number' is undefined"):
        tell("made-up", FAILS, {"way": "hand"})


@pytest.mark.parametrize("part", ["title", "place", "words", "reason", "got", "how"])
def test_a_template_that_leaves_a_part_out_is_an_error(template, part):
    template(MINIMAL.replace(f"set {part} ", "set other "))
    with pytest.raises(KeyError, match=part):
        tell("made-up", FAILS, {"way": "hand", "number": 7})


def test_a_cell_that_would_move_its_row_is_an_error(template):
    template(MINIMAL + TABLES)
    with pytest.raises(Bug, match="table 'Second' has not 1 cells"):
        tell("made-up", FAILS, {"way": "hand", "number": "1 | 2"})
