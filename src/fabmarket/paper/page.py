"""The reproduction as one page that needs nothing but a browser."""

import re
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from fabmarket.paper.claim import VERDICTS, Facts
from fabmarket.paper.figures import CAPTIONS
from fabmarket.report.canvas import inline

SECTIONS = (
    (
        "The platform",
        "Signatures, the verification contract, and what the chain adds.",
        (
            "curve",
            "signature",
            "anonymity",
            "single-point",
            "tampering",
            "trust-cost",
            "table-1",
        ),
    ),
    (
        "The theorem",
        "Sections 4.3 and 4.4: the equations of the game and what is proved about them.",
        ("equations", "theorem-1-proof", "nash-exists", "stackelberg", "eq-19-optimum"),
    ),
    (
        "The experiment",
        "Section 5.2, Figs. 5–8 and Table 2: three demanders, one supplier, a = 0.8, b = 0.2.",
        (
            "reaches-equilibrium",
            "faster",
            "load",
            "cost",
            "balance",
            "table-2",
            "raise-price",
            "raise-supplier",
            "raise-pays",
            "raise-others-cut",
            "raise-returns",
            "fair",
        ),
    ),
)
"""(heading, what it is about, ids of its claims): every claim is in one of them."""

_MARKS = dict(zip(VERDICTS, ("✓", "✗", "?"), strict=True))


def page(facts: Facts, figures: dict[str, bytes]) -> str:
    """paper.html: the claims one by one, with `figures` (name to SVG file) drawn in place."""
    jinja = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    jinja.filters |= {"letters": letters, "numeric": numeric}
    source = files("fabmarket.paper").joinpath("page.html").read_text("utf-8")
    by_id = {claim["id"]: claim for claim in facts["claims"]}
    return jinja.from_string(source).render(
        facts=facts,
        sections=[
            {"title": title, "about": about, "claims": [by_id[one] for one in ids]}
            for title, about, ids in SECTIONS
        ],
        marks=_MARKS,
        captions=CAPTIONS,
        plots={name: inline(svg, name, CAPTIONS[name]) for name, svg in figures.items()},
    )


def letters(text: str) -> Markup:
    """Text with the index of a letter set below it: v_j, L_TD."""
    set_low = re.sub(r"\b([A-Za-z]+)_([A-Za-z]+)\b", r"\1<sub>\2</sub>", str(escape(text)))
    return Markup(set_low)  # noqa: S704 (escaped before the tags are put in)


def numeric(table: Facts) -> list[bool]:
    """For each column whether it holds only dashes and numbers short enough for one line."""
    number = re.compile(r"(?=.{0,20}$)[–+−]?[\d.,]*(e-\d+)?( %)?")
    columns = zip(*table["rows"], strict=True)
    return [all(number.fullmatch(text) for text in one) for one in columns]
