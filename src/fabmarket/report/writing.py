"""Outputs on disk: all of an output, or nothing of it."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fabmarket.errors import Bug, Refused
from fabmarket.interrupts import held_back
from fabmarket.report.canvas import render
from fabmarket.report.reading import Facts
from fabmarket.report.wording import readable

FIGURES = ("rounds", "equilibrium", "convergence", "capacity", "balances")
"""The figures of a report, each drawn by the function of `plots` of that name."""

_STAGING = ".fabmarket-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_LARGEST_MANIFEST = 1 << 20
_MOST_BRACKETS = 64


class NotWritten(Refused):
    """An output cannot be written there; names the path and the system's reason."""


class DiskFailed(NotWritten):
    """The disk is full or broken: the path is not to blame."""


class FactsNotJson(Bug):
    """The facts hold something that JSON has no value for."""


def write_report(facts: Facts, out: Path, beside: Mapping[str, bytes]) -> list[Path]:
    """Write report.html, report.json and figures/*.png, *.svg below `out`; the paths written.

    `beside` holds further files of the run, by their path below `out`. `out` is made if it is
    missing; files of an earlier report in it are replaced, its inputs that are not inputs any more
    are removed unless somebody changed them, its journals are removed, and all others stay.
    Everything is drawn and staged before the first file moves into place, so a failure leaves
    `out` as it was. Raises NotWritten when the file system refuses, FactsNotJson when `facts` is
    not a JSON value.
    """
    return place({**render_files(facts), **beside}, out)


def check_writable(out: Path) -> None:
    """Raise NotWritten now if the directory `out` could not be written; leaves nothing behind."""
    try:
        nearest = next(one for one in (out.absolute(), *out.absolute().parents) if _is_there(one))
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(nearest))
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except (OSError, ValueError) as error:
        raise _not_placed(out, error) from error


def _is_there(path: Path) -> bool:
    """Whether something bears that name, be it a link to nothing; other errors are raised."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def save(path: Path, content: bytes) -> None:
    """Write a whole file or nothing.

    Raises:
        NotWritten: the file system refuses.
    """
    with saving(path) as file:
        file.write(content)


@contextlib.contextmanager
def saving(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which is in its place when that is done, and nowhere if it fails.

    Raises:
        NotWritten: the file system refuses.
    """
    staged = ""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        with held_back():
            descriptor, staged = tempfile.mkstemp(prefix=_STAGING, dir=path.parent)
        with open(descriptor, "wb") as new:
            yield new
        with held_back():
            os.chmod(staged, 0o644)
            os.replace(staged, path)
            staged = ""
    except OSError as error:
        raise not_written(path, error) from error
    except ValueError as error:
        if staged:  # of what is written, and not of the path
            raise
        raise not_written(path, error) from error
    finally:
        if staged:
            os.unlink(staged)


def not_written(path: Path, error: OSError | ValueError) -> NotWritten:
    """The refusal that names the file and what the system said."""
    return _refusal(error, f"{path}: cannot be written", "choose another file")


def _not_placed(out: Path, error: OSError | ValueError) -> NotWritten:
    named = getattr(error, "filename", None) or out
    remedy = f"choose another directory than {out}, or free this one"
    return _refusal(error, f"{named}: the output cannot be written", remedy)


def _refusal(error: OSError | ValueError, what: str, remedy: str) -> NotWritten:
    """A ValueError is of a path that holds a NUL."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return DiskFailed(f"{what} ({error.strerror}); free space, or choose another disk")
    reason = error.strerror if isinstance(error, OSError) else error
    return NotWritten(f"{what} ({reason}); {remedy}")


def render_files(facts: Facts) -> dict[str, bytes]:
    """Every file of the report, by its path below the output directory; nothing is written."""
    from fabmarket.report import gantt, page, plots  # noqa: PLC0415 - loads matplotlib, which is slow

    try:
        text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FactsNotJson(f"the run's facts are not JSON: {error}") from error
    told = readable(facts)
    drawn = {name: render(partial(getattr(plots, name), told)) for name in FIGURES}
    svgs = {name: svg for name, (_, svg) in drawn.items()}
    svgs["gantt"] = gantt.gantt(told, fits=True)
    files = {
        "report.html": page.page(told, svgs).encode(),
        # Half a character has no bytes in UTF-8; its escape in Python is that of JSON.
        "report.json": (text + "\n").encode(errors="backslashreplace"),
        "figures/gantt.svg": gantt.gantt(told),
    }
    for name, (png, svg) in drawn.items():
        files[f"figures/{name}.png"] = png
        files[f"figures/{name}.svg"] = svg
    return files


def place(files: Mapping[str, bytes], out: Path) -> list[Path]:
    """Put `files` (relative path to content) below `out`, all or none; the paths, in order.

    The staging directory lies inside `out`, where a rename cannot cross file systems. Runs that
    write into one directory take turns.
    """
    made: list[Path] = []
    try:
        with held_back():
            _make(out, made)
        with turn(out), held_back():
            _clear(out)
            staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=out))
            try:
                for name, content in files.items():
                    (staging / "new" / name).parent.mkdir(parents=True, exist_ok=True)
                    (staging / "new" / name).write_bytes(content)
                for folder in sorted({out / PurePosixPath(name).parent for name in files}):
                    _make(folder, made)
                _swap(list(files), _outdated(files, out), staging, out)
                made.clear()
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except (OSError, ValueError) as error:
        raise _not_placed(out, error) from error
    finally:
        _unmake(made)
    return [out / name for name in files]


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Within, no other run is within for the same directory.

    The lock is on the directory itself: nothing is left behind, and the kernel lets go of it when
    its process dies, however that comes about.
    """
    opened = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _clear(out: Path) -> None:
    """Remove what a run that was killed left of its staging; whose turn it is, is the only one."""
    for left in out.glob(f"{_STAGING}*/"):
        shutil.rmtree(left, ignore_errors=True)


def _outdated(files: Mapping[str, bytes], out: Path) -> list[str]:
    """What the report in `out` has and this one has not: inputs nobody changed, and journals."""
    manifest = out / "manifest.json"
    if "manifest.json" not in files or not manifest.is_file():
        return []
    with manifest.open("rb") as file:
        text = file.read(_LARGEST_MANIFEST)
    if text.count(b"[") + text.count(b"{") > _MOST_BRACKETS:  # none of ours; parsers recurse
        return []
    try:
        record = json.loads(text)
        inputs = [(str(name), digest) for name, digest in record["inputs"].items()]
        journals = [str(name) for name in record.get("journals", [])]
    except (ValueError, LookupError, TypeError, AttributeError):
        return []
    unchanged = [name for name, digest in inputs if _digest(out, "inputs", name) == digest]
    written = [name for name in journals if _digest(out, "journals", name) is not None]
    return [name for name in dict.fromkeys((*unchanged, *written)) if name not in files]


def _digest(out: Path, folder: str, name: str) -> str | None:
    """SHA-256 of a file that lies in that folder of a report; None if none does."""
    path = out / name
    if not path.is_file() or path.is_symlink():
        return None
    if not path.resolve().is_relative_to((out / folder).resolve()):
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _make(folder: Path, made: list[Path]) -> None:
    """Create `folder` and the missing ones above it, noting each in `made`."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another run was quicker
            one.mkdir()
            made.append(one)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def _unmake(made: list[Path]) -> None:
    for folder in reversed(made):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _swap(names: Sequence[str], outdated: Sequence[str], staging: Path, out: Path) -> None:
    """Move every staged file over its place and the outdated ones away; all of it, or nothing."""
    old = staging / "old"
    begun: list[str] = []
    try:
        for name in (*names, *outdated):
            begun.append(name)
            (old / name).parent.mkdir(parents=True, exist_ok=True)
            if name in outdated:
                (out / name).replace(old / name)
                continue
            if (out / name).is_file():
                shutil.copy2(out / name, old / name)
            (staging / "new" / name).replace(out / name)
    except BaseException:
        for name in begun:
            if (old / name).exists():
                (old / name).replace(out / name)
            elif not (staging / "new" / name).exists() and name not in outdated:
                (out / name).unlink(missing_ok=True)
        raise
    for name in outdated:
        for folder in (out / name).relative_to(out).parents[:-1]:
            with contextlib.suppress(OSError):
                (out / folder).rmdir()
