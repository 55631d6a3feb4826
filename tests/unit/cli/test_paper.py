"""`fabmarket paper` from the command line."""

import io
import json
from contextlib import redirect_stdout

import pytest

from fabmarket.cli.main import main


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return ended.value.code


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Where the page went, and what was printed."""
    out, printed = tmp_path_factory.mktemp("paper") / "new" / "place", io.StringIO()
    with redirect_stdout(printed):
        assert run("paper", "--quick", "--out", out) == 0
    return out, printed.getvalue()


def test_the_page_and_its_numbers_are_written(ran):
    written, _ = ran
    names = {str(path.relative_to(written)) for path in written.rglob("*.*")}
    assert {"paper.html", "paper.json", "figures/pairs.svg", "figures/pairs.png"} <= names
    assert not [name for name in names if name.startswith(".")]
    facts = json.loads((written / "paper.json").read_text("utf-8"))
    assert facts["quick"] is True


def test_json_goes_to_standard_output_and_nothing_is_written(ran, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("paper", "--quick", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    kept = json.loads((ran[0] / "paper.json").read_text("utf-8"))
    assert {**printed, "timing": None} == {**kept, "timing": None}
    assert list(tmp_path.iterdir()) == []


def test_the_summary_names_claims_verdicts_and_the_page(ran):
    out, printed = ran
    text = " ".join(printed.split())
    assert "8 holds, 10 fails, 6 not identified" in text
    assert f"Page: {out / 'paper.html'}" in text
    assert "The game is fair" in text


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_run(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run("paper", "--out", tmp_path / "file" / "below") == 2
    assert "the output cannot be written" in capsys.readouterr().err
