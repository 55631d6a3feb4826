"""The reproduction as one page that needs nothing but a browser."""

import re

from markupsafe import Markup, escape

from fabmarket.paper.claim import TEMPLATES, VERDICTS, Facts
from fabmarket.report.canvas import inline

_MARKS = dict(zip(VERDICTS, ("✓", "✗", "?"), strict=True))
_INDEXED = r"([A-Za-z]+)_([A-Za-z]+)"
_DERIVATIVE = re.compile(f"∂²{_INDEXED}/∂{_INDEXED}²")
_INDEX = re.compile(f"(?<![A-Za-z]){_INDEXED}")
_POWERS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789−")
_POWER = re.compile(f"[{''.join(map(chr, _POWERS))}]+")


def page(facts: Facts, figures: dict[str, bytes]) -> str:
    """paper.html: the claims one by one, with `figures` (name to SVG file) drawn in place."""
    captions = {
        name: caption for one in facts["claims"] for name, caption in one["figures"].items()
    }
    return TEMPLATES.get_template("page.html").render(
        facts=facts,
        claims={claim["id"]: claim for claim in facts["claims"]},
        marks=_MARKS,
        letters=letters,
        numeric=numeric,
        plots={name: inline(svg, name, captions[name]) for name, svg in figures.items()},
    )


def letters(text: str) -> Markup:
    """Text with its mathematics set: v_j with its index, 2²⁵⁶ with its power, ∂²i_j/∂v_j²."""
    html = _DERIVATIVE.sub(_derivative, str(escape(text)))
    html = _INDEX.sub(r"\1<sub>\2</sub>", html)
    html = _POWER.sub(lambda power: f"<sup>{power.group().translate(_POWERS)}</sup>", html)
    return Markup(html)  # noqa: S704 (escaped before the tags are put in)


def _derivative(found: re.Match[str]) -> str:
    """The fraction of a second derivative: ∂² and a letter over ∂ and a letter squared."""
    above, its_index, below, index = (f"<mi>{each}</mi>" for each in found.groups())
    return (
        "<math displaystyle='true'><mfrac>"
        f"<mrow><msup><mo>∂</mo><mn>2</mn></msup><msub>{above}{its_index}</msub></mrow>"
        f"<mrow><mo>∂</mo><msubsup>{below}{index}<mn>2</mn></msubsup></mrow>"
        "</mfrac></math>"
    )


def numeric(table: Facts) -> list[bool]:
    """For each column whether it holds only dashes and numbers short enough for one line."""
    number = re.compile(r"(?=.{0,20}$)[–+−]?[\d.,]*(e-\d+)?( %)?")
    columns = zip(*table["rows"], strict=True)
    return [all(number.fullmatch(text) for text in one) for one in columns]
