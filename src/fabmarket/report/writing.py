"""The report on disk: all of it, or nothing of it."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from fabmarket.errors import Bug, Refused
from fabmarket.report import plots
from fabmarket.report.canvas import render
from fabmarket.report.page import page
from fabmarket.report.reading import Facts

FIGURES = {
    "rounds": plots.rounds,
    "equilibrium": plots.equilibrium,
    "convergence": plots.convergence,
    "capacity": plots.capacity,
    "balances": plots.balances,
}


class ReportNotWritten(Refused):
    """The output directory cannot take the report; names the path and the system's reason."""


class FactsNotJson(Bug):
    """The facts hold something that JSON has no value for."""


def write_report(facts: Facts, out: Path, beside: Mapping[str, bytes]) -> list[Path]:
    """Write report.html, report.json and figures/*.png, *.svg below `out`; the paths written.

    `beside` holds further files of the run, by their path below `out`. `out` is made if it is
    missing; files of an earlier report in it are replaced, others stay.
    Everything is drawn and staged before the first file moves into place, so a failure leaves
    `out` as it was. Raises ReportNotWritten when the file system refuses, FactsNotJson when
    `facts` is not a JSON value.
    """
    return place({**render_files(facts), **beside}, out)


def check_writable(out: Path) -> None:
    """Raise ReportNotWritten now if `out` could not take a report later; leaves nothing behind."""
    nearest = next(one for one in (out, *out.absolute().parents) if one.exists())
    try:
        if not nearest.is_dir():
            raise NotADirectoryError(20, "not a directory", str(nearest))
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise _not_written(out, error) from error


def _not_written(out: Path, error: OSError) -> ReportNotWritten:
    return ReportNotWritten(
        f"{error.filename or out}: the report cannot be written ({error.strerror}); "
        f"choose another directory than {out}, or free this one"
    )


def render_files(facts: Facts) -> dict[str, bytes]:
    """Every file of the report, by its path below the output directory; nothing is written."""
    try:
        text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        record = (text + "\n").encode()
    except (TypeError, ValueError) as error:
        raise FactsNotJson(f"the run's facts are not JSON: {error}") from error
    drawn = {name: render(partial(draw, facts)) for name, draw in FIGURES.items()}
    files = {
        "report.html": page(facts, {name: svg for name, (_, svg) in drawn.items()}).encode(),
        "report.json": record,
    }
    for name, (png, svg) in drawn.items():
        files[f"figures/{name}.png"] = png
        files[f"figures/{name}.svg"] = svg
    return files


def place(files: Mapping[str, bytes], out: Path) -> list[Path]:
    """Put `files` (relative path to content) below `out`, all or none; the paths, in order.

    The staging directory lies inside `out`, where a rename cannot cross file systems.
    """
    made: list[Path] = []
    staging: Path | None = None
    try:
        _make(out, made)
        staging = Path(tempfile.mkdtemp(prefix=".report-", dir=out))
        for name, content in files.items():
            (staging / "new" / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / "new" / name).write_bytes(content)
        for folder in sorted({out / PurePosixPath(name).parent for name in files}):
            _make(folder, made)
        _swap(list(files), staging, out)
        made.clear()
    except OSError as error:
        raise _not_written(out, error) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
    return [out / name for name in files]


def _make(folder: Path, made: list[Path]) -> None:
    """Create `folder` and the missing ones above it, noting each in `made`."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir()
        made.append(one)
    if not folder.is_dir():
        raise NotADirectoryError(20, "not a directory", str(folder))


def _swap(names: list[str], staging: Path, out: Path) -> None:
    """Move every staged file over its place; on failure, put back what was there."""
    old = staging / "old"
    replaced: list[str] = []
    try:
        for name in names:
            if (out / name).is_file():
                (old / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(out / name, old / name)
            (staging / "new" / name).replace(out / name)
            replaced.append(name)
    except BaseException:
        for name in replaced:
            if (old / name).exists():
                (old / name).replace(out / name)
            else:
                (out / name).unlink()
        raise
