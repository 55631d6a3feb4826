"""Trades as a submodel of an Asset Administration Shell, by basyx-python-sdk.

The IDTA publishes no template for settled trades of capacity, and no identifier of another fits, so
all semantic ids are this project's own.
"""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from typing import Any, BinaryIO

from fabmarket.errors import missing
from fabmarket.report.tables.rows import Column
from fabmarket.report.tables.writers import NotExported, Rows

MOST_TRADES = 2_000
"""Of one submodel: shells are held in memory as a whole, some 110 kB a trade."""
_OURS = "urn:fabmarket:aas"
_VERSION = "1"


def _basyx(module: str) -> Any:
    try:
        return import_module(f"basyx.aas.{module}")
    except ImportError as error:
        problem = "Asset Administration Shells need basyx-python-sdk"
        raise NotExported(missing(problem, "aas", "write .csv")) from error


def write_shell(
    columns: Sequence[Column], rows: Rows, file: BinaryIO, asset: str, *, is_package: bool
) -> int:
    """Write one shell with the trades; returns how many there were.

    `asset` is whose trades they are: the address of an account, or of the exchange. As a package
    (AASX) or as JSON.

    Raises:
        NotExported: basyx-python-sdk is not installed, or there are more than MOST_TRADES.
    """
    model = _basyx("model")
    found = list(islice(rows, MOST_TRADES + 1))
    if len(found) > MOST_TRADES:
        problem = f"there are more than the {MOST_TRADES} trades that one shell is written with"
        raise NotExported(f"{problem}; give --account, --since or --until, or write .csv")
    submodel = model.Submodel(
        f"{_OURS}:trades:{asset.lower()}",
        [_trade(model, columns, row, number) for number, row in enumerate(found, start=1)],
        id_short="Trades",
        semantic_id=_semantic(model, "trades"),
    )
    shell = model.AssetAdministrationShell(
        model.AssetInformation(global_asset_id=f"{_OURS}:asset:{asset.lower()}"),
        f"{_OURS}:shell:{asset.lower()}",
        id_short="Fabmarket",
        submodel={model.ModelReference.from_referable(submodel)},
    )
    store = model.DictIdentifiableStore([shell, submodel])
    if is_package:
        adapter, content = _basyx("adapter.aasx"), io.BytesIO()
        with adapter.AASXWriter(content, failsafe=False) as package:
            package.write_aas(shell.id, store, adapter.DictSupplementaryFileContainer())
        file.write(content.getvalue())
    else:
        text = io.StringIO()
        _basyx("adapter.json").write_aas_json_file(text, store)
        file.write(text.getvalue().encode())
    return len(found)


def _semantic(model: Any, name: str) -> Any:
    key = model.Key(model.KeyTypes.GLOBAL_REFERENCE, f"{_OURS}:{name}:{_VERSION}")
    return model.ExternalReference((key,))


def _trade(model: Any, columns: Sequence[Column], row: Sequence[Any], number: int) -> Any:
    """A collection of a trade's properties; what is not there is left out."""
    return model.SubmodelElementCollection(
        f"Trade_{number}",
        [
            _property(model, column, value)
            for column, value in zip(columns, row, strict=True)
            if value is not None
        ],
        semantic_id=_semantic(model, "trade"),
    )


def _property(model: Any, column: Column, value: Any) -> Any:
    types = model.datatypes
    kind, given = types.String, value
    if column.kind == "utc":
        moment = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        kind, given = types.DateTime, moment
    elif column.kind == "truth":
        kind = types.Boolean
    elif column.kind in ("number", "units", "amount"):
        kind, given = types.Integer, types.Integer(value)
    return model.Property(
        column.name, kind, given, semantic_id=_semantic(model, f"trade:{column.name}")
    )
