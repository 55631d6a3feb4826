"""docs/notebooks: what the notebooks show is what they compute, in a fresh kernel."""

import copy
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))

spec = spec_from_file_location("notebooks", FOLDER / "run.py")
notebooks = module_from_spec(spec)
spec.loader.exec_module(notebooks)


@pytest.fixture(params=PATHS, ids=lambda path: path.name)
def path(request):
    return request.param


@pytest.fixture
def stored():
    return nbformat.read(FOLDER / "the-game.ipynb", as_version=4)


def found(stored, fresh):
    return list(notebooks.differences(stored, fresh))


def test_a_notebook_shows_what_it_computes(path):
    ran = subprocess.run(  # noqa: S603
        [sys.executable, FOLDER / "run.py", "--check", path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr


def test_a_notebook_was_run_from_the_top_and_is_small(path):
    text = path.read_text("utf-8")
    cells = [cell for cell in nbformat.reads(text, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell.outputs for cell in cells)
    assert path.stat().st_size < 500_000


def test_a_notebook_says_nothing_about_a_machine(path):
    notebook = nbformat.read(path, as_version=4)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert {key for cell in notebook.cells for key in cell.metadata} <= {"tags"}
    said = [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    ]
    assert not re.search(r"/home|/root|/tmp|/Users|site-packages|\\Users", "\n".join(said))


def test_the_links_of_a_notebook_lead_somewhere(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert targets
    assert [target for target in targets if not (FOLDER / target).exists()] == []


def test_a_changed_number_is_noticed(stored):
    fresh = copy.deepcopy(stored)
    at, cell = next((i, c) for i, c in enumerate(fresh.cells) if "CONCEPTS:" in c.source)
    cell.outputs[0].text = cell.outputs[0].text.replace("87.5000", "87.5001")
    (difference,) = found(stored, fresh)
    assert difference.startswith(f"cell {at}:")
    assert "87.5001" in difference


def test_a_plot_may_look_different_but_must_be_there(stored):
    fresh = copy.deepcopy(stored)
    cell = next(c for c in fresh.cells if "pcolormesh" in c.source)
    plot = next(o for o in cell.outputs if o.output_type == "display_data")
    plot.data["image/png"] = "other"
    assert found(stored, fresh) == []
    cell.outputs.remove(plot)
    assert len(found(stored, fresh)) == 1


def test_times_may_vary_their_words_may_not(stored):
    fresh = copy.deepcopy(stored)
    (cell,) = [c for c in fresh.cells if "varies" in c.metadata.get("tags", [])]
    said = cell.outputs[0].text
    cell.outputs[0].text = re.sub(r" *\d+\.\d+", "  1234.5", said)
    assert cell.outputs[0].text != said
    assert found(stored, fresh) == []
    cell.outputs[0].text = said.replace("ms", "s")
    assert len(found(stored, fresh)) == 1


def test_an_error_is_noticed(stored):
    fresh = copy.deepcopy(stored)
    cell = next(c for c in fresh.cells if c.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])]
    assert len(found(stored, fresh)) == 1
