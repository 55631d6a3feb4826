"""Asset Administration Shells, by basyx-python-sdk: each capability is a row of machines.

A capability is a `Capability` element of any submodel, as in the IDTA's Capability Description
(02020). What the market needs beside its name are properties in the collection around it, named as
the columns of a table of machines are.
"""

import io
import logging
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from pathlib import PurePath
from typing import Any
from xml.etree import ElementTree

from fabmarket.errors import Refused, missing
from fabmarket.scenario.model import shown
from fabmarket.scenario.tables.cells import Cell
from fabmarket.scenario.tables.columns import MACHINES, plain
from fabmarket.scenario.tables.packed import check_package
from fabmarket.scenario.tables.sheets import LARGEST_TABLE, Sheet
from fabmarket.scenario.texts import MalformedText, decode, parse_json

_NAMES = [column.name for column in MACHINES.columns]
_LONGEST_REASON = 300


class NoShells(Refused):
    """basyx-python-sdk is not installed."""


def basyx(module: str) -> Any:
    """A module below basyx.aas, imported when a shell is read or written.

    Raises:
        NoShells: the library is not there.
    """
    try:
        return import_module(f"basyx.aas.{module}")
    except ImportError as error:
        problem = "Asset Administration Shells need basyx-python-sdk"
        raise NoShells(missing(problem, "aas", "use a table of machines")) from error


def read_shells(data: bytes, name: str) -> list[Sheet]:
    """A sheet of one row for each capability that the shells of a package or JSON file have.

    The library passes over elements that break the metamodel's rules, as published files do; what
    it said of them stands in the notes. But where a capability is lost, or a property named as a
    column is, the file is refused: elements of both kinds are counted as the file has them, too.
    Raises MalformedText for that, or if there is no capability; NoShells without the library.
    """
    if len(data) > LARGEST_TABLE:
        problem = f"larger than the {LARGEST_TABLE // 2**20} MiB that are read; give a smaller file"
        raise MalformedText(f"{name}: {problem}")
    model = basyx("model")
    is_package = PurePath(name).suffix.lower() == ".aasx"
    there = _count_in_package(data, name) if is_package else _count_in_json(data, name)
    with _warnings() as notes:
        store = _store(data, name, is_package)
    read = sum(
        isinstance(each, model.Capability)
        or (isinstance(each, model.Property) and _is_ours(each.id_short))
        for submodel in store
        if isinstance(submodel, model.Submodel)
        for each in _all(submodel, model)
    )
    if read != there:
        reason = f": {notes[0]}" if notes else ""
        problem = f"{there - read} of {there} capabilities, and properties named as columns of"
        remedy = (
            "machines, break the rules of shells; correct the file, or give a table of machines"
        )
        raise MalformedText(f"{name}: {problem} {remedy}{reason}")
    sheets = [
        Sheet(name, path, ((0, _NAMES), (0, row)), False)
        for path, row in _capabilities(store, model)
    ]
    if not sheets:
        problem = "has no Capability in any submodel; add one, or give a table of machines"
        raise MalformedText(f"{name}: {problem}")
    first = sheets[0]
    said = tuple(f"{name}: not read: {note}" for note in dict.fromkeys(notes))
    return [Sheet(name, first.name, first.rows, False, said), *sheets[1:]]


def _is_ours(id_short: object) -> bool:
    return isinstance(id_short, str) and plain(id_short) in _NAMES


def _all(around: Any, model: Any) -> Iterator[Any]:
    for each in _elements(around, model):
        yield each
        yield from _all(each, model)


def _count_in_json(data: bytes, name: str) -> int:
    """Capabilities and properties named as columns, in the file itself."""
    return _count(parse_json(decode(data, name, LARGEST_TABLE), name, Decimal))


def _count(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_count, value))
    if not isinstance(value, dict):
        return 0
    kind = value.get("modelType")
    counts = kind == "Capability" or (kind == "Property" and _is_ours(value.get("idShort")))
    return counts + sum(map(_count, value.values()))


def _count_in_package(data: bytes, name: str) -> int:
    """The same, in all parts of a package that are of shells."""
    check_package(data, name)
    count = 0
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        for part in package.namelist():
            suffix = PurePath(part).suffix.lower()
            if suffix == ".json":
                count += _count_in_json(package.read(part), f"{name}: {part}")
            elif suffix == ".xml" and b"admin-shell.io/aas" in (content := package.read(part)):
                count += _count_in_xml(content, name)
    return count


def _count_in_xml(content: bytes, name: str) -> int:
    count = 0
    try:
        for _, element in ElementTree.iterparse(io.BytesIO(content)):  # noqa: S314 - no entities
            kind = element.tag.rpartition("}")[2].lower()
            if kind == "capability":
                count += 1
            elif kind == "property":
                named = next((one for one in element if one.tag.endswith("}idShort")), None)
                count += named is not None and _is_ours(named.text)
    except ElementTree.ParseError as error:
        raise MalformedText(f"{name}: is no XML ({error}); save it again") from None
    return count


def _store(data: bytes, name: str, is_package: bool) -> Any:
    """All shells and submodels of the file."""
    try:
        if is_package:
            adapter, store = basyx("adapter.aasx"), basyx("model").DictIdentifiableStore()
            with _package_reader(adapter)(io.BytesIO(data), failsafe=True) as package:
                package.read_into(store, adapter.DictSupplementaryFileContainer())
            return store
        text = decode(data, name, LARGEST_TABLE).removeprefix("\ufeff")
        return basyx("adapter.json").read_aas_json_file(io.StringIO(text), failsafe=True)
    except (NoShells, MemoryError):
        raise
    except Exception as error:  # whatever a library of formats raises at what somebody made up
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        problem = f"is no Asset Administration Shell that can be read ({reason}); correct it"
        raise MalformedText(f"{name}: {problem}, or give a table of machines") from error


def _package_reader(adapter: Any) -> Any:
    """The library's reader of packages, to which a file that is attached and cannot be read, or is
    not there, is no reason to refuse the shells: it is told as other things passed over are.
    """

    class Reader(adapter.AASXReader):  # type: ignore[misc]  # known when it is installed
        def _add_supplementary_file(self, part: str, path: str, files: Any) -> Any:
            try:
                return super()._add_supplementary_file(part, path, files)
            except MemoryError:
                raise
            except Exception as error:  # of a path, too, which may be anything
                reason = error.args[0] if error.args else type(error).__name__
                logging.getLogger("basyx").warning("attachment %s (%s)", shown(path), reason)
                return None

    return Reader


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What the library warns of, in place of a log that nobody asked for."""
    heard: list[str] = []
    log = logging.getLogger("basyx")
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: heard.append(_short(record))  # type: ignore[method-assign]
    propagated, log.propagate = log.propagate, False
    log.addHandler(handler)
    try:
        yield heard
    finally:
        log.removeHandler(handler)
        log.propagate = propagated


def _short(record: logging.LogRecord) -> str:
    """Its first words: behind >>> the library prints the whole element."""
    return " ".join(record.getMessage().partition(">>>")[0].split())[:_LONGEST_REASON]


def _capabilities(store: Any, model: Any) -> Iterator[tuple[str, list[Cell]]]:
    """Path and row of each capability, shell by shell; then of submodels that no shell names."""
    submodels = {each.id: each for each in store if isinstance(each, model.Submodel)}
    left = dict(submodels)
    for shell in store:
        if isinstance(shell, model.AssetAdministrationShell):
            named = sorted(reference.key[-1].value for reference in shell.submodel)
            mine = [submodels[each] for each in named if each in submodels]
            for each in mine:
                left.pop(each.id, None)
            yield from _rows(shell.id_short or shell.id, mine, model)
    for each in left.values():
        yield from _rows(each.id_short or each.id, [each], model)


def _rows(owner: str, submodels: Sequence[Any], model: Any) -> Iterator[tuple[str, list[Cell]]]:
    found = [
        (f"{owner}/{submodel.id_short}", one)
        for submodel in submodels
        for one in _found(submodel, model)
    ]
    for path, (inner, capability, around) in found:
        values: dict[str, Cell] = {}
        _properties(around, values, model)
        called = capability.id_short or ""
        if called.lower() == "capability":  # the IDTA's template calls each so
            called = getattr(around, "id_short", None) or called
        values.setdefault("resource", called)
        values.setdefault("machine", owner if len(found) == 1 else f"{owner} {called}")
        yield f"{path}{inner}", [values.get(name) for name in _NAMES]


def _found(around: Any, model: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Path, capability and what it stands in, for all below."""
    for each in _elements(around, model):
        here = f"{path}/{each.id_short or ''}"
        if isinstance(each, model.Capability):
            yield here, each, around
        else:
            yield from _found(each, model, here)


def _elements(around: Any, model: Any) -> Sequence[Any]:
    if isinstance(around, model.Submodel):
        return list(around.submodel_element)
    if isinstance(around, model.SubmodelElementCollection | model.SubmodelElementList):
        return list(around.value)
    return []


def _properties(around: Any, values: dict[str, Cell], model: Any) -> None:
    """The properties in a collection, and below it where there is no other capability."""
    elements = _elements(around, model)
    for each in elements:
        if isinstance(each, model.Property) and plain(each.id_short) in _NAMES:
            value = each.value
            plain_value = value if isinstance(value, bool | int | float) else str(value)
            values.setdefault(plain(each.id_short), None if value is None else plain_value)
    for each in elements:
        inner = _elements(each, model)
        if inner and not any(isinstance(one, model.Capability) for one in inner):
            _properties(each, values, model)
