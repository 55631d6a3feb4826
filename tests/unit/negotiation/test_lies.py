"""A lie in the negotiation pays, and the docs say how much: the real session, every margin."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fabmarket.game import Game, solve
from fabmarket.game.mechanisms import best_lie

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "truthfulness.md").read_text("utf-8")

PAPER = Game([100, 200, 200], [45, 45, 15], supplier_cost=10, a=0.8, b=0.2)


@pytest.fixture(scope="module")
def rows():
    command = [sys.executable, str(ROOT / "benchmarks" / "lies.py"), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return {(row["concept"], row["demander"]): row for row in json.loads(ran.stdout)}


@pytest.mark.parametrize(
    ("concept", "demander", "honest", "lie", "profit"),
    [
        ("demanders-lead", 2, 4_000, 184, 4_650),
        ("demanders-lead", 3, 12_250, 238, 14_045),
        ("balanced", 2, 2_940, 186, 3_360),
        ("balanced", 3, 8_640, 243, 9_805),
        ("simultaneous", 2, 5_780, 240, 7_755),
        ("simultaneous", 3, 11_956, 310, 16_080),
    ],
)
def test_a_lie_about_ones_margin_pays(rows, concept, demander, honest, lie, profit):
    row = rows[concept, demander]
    assert (row["honest"], row["lie"], row["profit"]) == (honest, lie, profit)
    written = f"| `{concept}` | {demander} | {row['margin']} | {honest:,} | {lie} | {profit:,} |"
    assert f"{written} +{100 * (profit / honest - 1):.1f} % |" in PAGE


def test_the_page_has_no_other_row_than_those_measured(rows):
    gaining = [row for row in rows.values() if row["profit"] > row["honest"]]
    assert len(re.findall(r"^\| `", PAGE, re.MULTILINE)) == len(gaining)
    assert len(rows) == 9
    assert all(row["profit"] == row["honest"] for (_, who), row in rows.items() if who == 1)


def test_the_certificate_calls_the_same_market_free_of_gain(rows):
    """The two statements differ: that is why both are printed."""
    assert solve(PAPER, "demanders-lead").certificate.max_unilateral_gain < 1e-9
    assert rows["demanders-lead", 3]["profit"] > rows["demanders-lead", 3]["honest"]


def test_without_rounding_the_formula_says_an_eighth():
    lie = best_lie(PAPER, "demanders-lead", 2)
    assert lie.profit == pytest.approx(13_781.25)
    assert "13,781.25" in PAGE
    assert lie.gain / lie.honest == pytest.approx(1 / 8)


def test_no_sentence_claims_more_than_the_certificate():
    """ "No participant could gain anything by deviating alone" stood in every report."""
    more = re.compile(
        r"(no participant|nobody|no party|no one) (could|can) (gain|do better|earn more)"
        r"(?! by changing its own quantity)|by deviating alone",
        re.IGNORECASE,
    )
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("scenarios/*.toml")]
    pages += [path for kind in ("py", "html") for path in (ROOT / "src").rglob(f"*.{kind}")]
    found = {}
    for path in pages:
        # A sentence of the sources may go over several strings.
        text = re.sub(r'"\s+f?"', "", path.read_text("utf-8"))
        found |= dict.fromkeys(more.findall(" ".join(text.split())), path.name)
    assert found == {}
