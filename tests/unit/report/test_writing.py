import json
import subprocess
import sys
from pathlib import Path

import pytest

from fabmarket.report import FactsNotJson, NotWritten, check_writable, write_report

FIGURES = ("balances", "capacity", "convergence", "equilibrium", "rounds")
EXPECTED = {
    "report.html",
    "report.json",
    "figures/gantt.svg",
    *(f"figures/{name}.{kind}" for name in FIGURES for kind in ("png", "svg")),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def write_on_a_full_disk(facts: object, out: Path) -> str:
    """Write a report where no file may grow beyond 4 KiB, as on a full disk; the error.

    In a process of its own: the limit holds for everything a process writes, logs included.
    """
    script = (
        "import json, resource, sys\n"
        "from pathlib import Path\n"
        "from fabmarket.report import NotWritten, write_report\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    write_report(json.load(sys.stdin), Path(sys.argv[1]), {})\n"
        "except NotWritten as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script, str(out)],
        input=json.dumps(facts),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_report_is_written_into_a_directory_that_does_not_exist_yet(paper_facts, tmp_path):
    out = tmp_path / "a" / "b"
    written = write_report(paper_facts, out, {})
    assert {str(path.relative_to(out)) for path in written} == EXPECTED
    assert set(contents(out)) == EXPECTED
    assert json.loads((out / "report.json").read_text("utf-8")) == paper_facts


def test_the_same_facts_give_the_same_bytes_in_any_key_order(paper_facts, tmp_path):
    write_report(paper_facts, tmp_path / "one", {})
    write_report(dict(reversed(paper_facts.items())), tmp_path / "two", {})
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_later_report_replaces_the_earlier_and_leaves_other_files(
    paper_facts, empty_facts, tmp_path
):
    (tmp_path / "manifest.json").write_text("{}")
    write_report(paper_facts, tmp_path, {})
    write_report(empty_facts, tmp_path, {})
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == empty_facts
    assert set(contents(tmp_path)) == EXPECTED | {"manifest.json"}


def test_a_path_below_a_file_is_refused_by_name(paper_facts, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(NotWritten, match=r"taken.*choose another directory"):
        write_report(paper_facts, tmp_path / "taken", {})
    with pytest.raises(NotWritten, match=r"taken.*choose another directory"):
        write_report(paper_facts, tmp_path / "taken" / "below", {})
    assert contents(tmp_path) == {"taken": b"a file"}


def test_a_disk_that_fills_midway_leaves_nothing(paper_facts, tmp_path):
    assert "too large" in write_on_a_full_disk(paper_facts, tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_midway_leaves_the_earlier_report(paper_facts, empty_facts, tmp_path):
    write_report(empty_facts, tmp_path, {})
    before = contents(tmp_path)
    assert "too large" in write_on_a_full_disk(paper_facts, tmp_path)
    assert contents(tmp_path) == before


def test_a_move_that_fails_puts_the_moved_files_back(paper_facts, empty_facts, tmp_path):
    write_report(empty_facts, tmp_path, {})
    obstacle = tmp_path / "figures" / "rounds.svg"
    obstacle.unlink()
    (obstacle / "inside").mkdir(parents=True)
    (tmp_path / "report.json").unlink()
    before = contents(tmp_path)
    with pytest.raises(NotWritten, match=r"rounds\.svg"):
        write_report(paper_facts, tmp_path, {})
    assert contents(tmp_path) == before
    assert (obstacle / "inside").is_dir()


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_facts_that_are_not_json_are_our_bug_and_write_nothing(value, paper_facts, tmp_path):
    paper_facts["timing"]["odd"] = value
    with pytest.raises(FactsNotJson):
        write_report(paper_facts, tmp_path / "out", {})
    assert list(tmp_path.iterdir()) == []


def test_files_beside_the_report_are_written_with_it(paper_facts, tmp_path):
    written = write_report(paper_facts, tmp_path, {"inputs/a.txt": b"kept"})
    assert tmp_path / "inputs/a.txt" in written
    assert (tmp_path / "inputs/a.txt").read_bytes() == b"kept"


def test_checking_a_directory_leaves_no_trace(tmp_path):
    check_writable(tmp_path / "new" / "deep")
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "taken").write_text("a file")
    for out in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(NotWritten, match="taken"):
            check_writable(out)
