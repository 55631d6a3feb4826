"""The reproduction on disk: the page, its figures, and all numbers."""

import json
from pathlib import Path

from fabmarket.paper.claim import Facts
from fabmarket.paper.figures import draw_all
from fabmarket.paper.page import page
from fabmarket.report.writing import place


def write(facts: Facts, out: Path) -> list[Path]:
    """Write paper.html, paper.json and figures/*.png, *.svg below `out`, all or none; the paths.

    Raises:
        NotWritten: the file system refuses.
    """
    return place(render_files(facts), out)


def render_files(facts: Facts) -> dict[str, bytes]:
    """Every file by its path below the output directory; nothing is written."""
    drawn = draw_all(facts["numbers"])
    text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    files = {
        "paper.html": page(facts, {name: svg for name, (_, svg) in drawn.items()}).encode(),
        "paper.json": (text + "\n").encode(),
    }
    for name, (png, svg) in drawn.items():
        files[f"figures/{name}.png"] = png
        files[f"figures/{name}.svg"] = svg
    return files
