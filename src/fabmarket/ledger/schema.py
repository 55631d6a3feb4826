"""The tables of a ledger: the events as they were logged, and what follows from them.

`block` and `event` are the log. All other tables follow from it: rows of `trade`, `cycle` and
`operators` are written once; those of `resource`, `slot`, `account`, `escrow`, `volume` and
`market` say how things stand, and what a row was before a block that may still be taken back stands
in `undo`. Hashes and addresses are text, as JSON has them, and "" where there is none; names are
text where they are printable, else the 32 bytes; times are seconds of chain time.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    or_,
    text,
)
from typing_extensions import override

_UNITS, _AMOUNT = 20, 58
"""Digits of the largest quantity (64 bits), and of the largest payment (64 and 128 bits)."""

METADATA = MetaData()
REVISION = "0001"
"""The last of the migrations, which make these tables."""

version = Table("ledger_version", MetaData(), Column("version_num", Text, primary_key=True))
"""Where Alembic keeps the revision."""


class Digits(TypeDecorator[int]):
    """A whole number that no database's integers hold: digits, so many that text sorts as they."""

    impl = Text
    cache_ok = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    @override
    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value).zfill(self.width)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


UNITS, AMOUNT = Digits(_UNITS), Digits(_AMOUNT)
"""Units of a resource; base units of a token."""


def _table(name: str, *columns: Any) -> Table:
    return Table(name, METADATA, *columns, sqlite_with_rowid=False)


def _hash(name: str, **options: Any) -> Column[Any]:
    return Column(name, Text, nullable=options.pop("nullable", False), **options)


def _number(name: str, **options: Any) -> Column[Any]:
    nullable = options.pop("nullable", False)
    return Column(name, BigInteger, nullable=nullable, autoincrement=False, **options)


def _units(name: str) -> Column[Any]:
    return Column(name, UNITS, nullable=False)


def _amount(name: str) -> Column[Any]:
    return Column(name, AMOUNT, nullable=False)


def _place(**options: Any) -> tuple[Column[Any], ...]:
    """Where on the chain a row comes from."""
    place = _number("block", **options), _number("log_index", **options)
    return *place, _hash("transaction_hash"), _number("time")


block = _table(  # those with events, and all from the last on that may not be taken back
    "block",
    _number("number", primary_key=True),
    _hash("hash"),
    _hash("parent"),
    _number("time"),
)
event = _table(  # `subject`: the trade that a step of an escrow is of, or the listing of an epoch
    "event",
    _number("block", primary_key=True),
    _number("log_index", primary_key=True),
    _hash("transaction_hash"),
    _hash("kind"),
    _hash("subject", nullable=True),
    _hash("body"),
)
Index(
    "event_subject",
    event.c.subject,
    sqlite_where=event.c.subject.is_not(None),
    postgresql_where=event.c.subject.is_not(None),
)
Index(
    "event_kind",
    event.c.kind,
    event.c.block,
    event.c.log_index,
    sqlite_where=event.c.kind != "Settled",
    postgresql_where=event.c.kind != "Settled",
)

market = _table(  # one row; blocks up to `final` are not taken back
    "market",
    _number("one", primary_key=True),
    _number("chain_id"),
    _hash("exchange"),
    _number("final"),
    _number("operator_set"),
    _units("paused_until"),
    Column("parameters", JSON, nullable=False),
    Column("tokens", JSON, nullable=False),
    _number("trades"),
)
operators = _table(
    "operators",
    _number("set", primary_key=True),
    Column("members", JSON, nullable=False),
    _number("threshold"),
    _number("since"),
    _number("block"),
)
resource = _table(  # `id`: 32 bytes
    "resource",
    _hash("supplier", primary_key=True),
    _hash("id", primary_key=True),
    _hash("name"),
    _hash("unit"),
    _number("origin"),
    _number("slot_length"),
)
slot = _table(  # `listing`: its id, listed or not; `sold`: committed and not available
    "slot",
    _hash("supplier", primary_key=True),
    _hash("resource", primary_key=True),
    _number("slot", primary_key=True),
    _hash("name"),
    _number("begins"),
    _number("ends"),
    _units("attested"),
    _units("committed"),
    _units("version"),
    _units("expiry"),
    _hash("commitment"),
    _hash("listing"),
    _units("available"),
    _units("sold"),
    _number("epoch"),
    Column("price", AMOUNT, nullable=True),
    _number("trades"),
)
Index("slot_listing", slot.c.listing)
Index("slot_time", slot.c.begins, slot.c.supplier, slot.c.resource)
account = _table(  # `trades`: those as demander or supplier, without what a net cycle settled
    "account",
    _hash("address", primary_key=True),
    _hash("token", primary_key=True),
    _amount("balance"),
    _number("epoch"),
    _number("trades"),
)
trade = _table(  # in the order of the chain: a digest as its key would scatter what is written
    "trade",
    *_place(primary_key=True),
    _hash("trade"),
    _hash("listing"),
    _hash("supplier"),
    _hash("resource"),
    _hash("name"),
    _number("slot"),
    _hash("demander"),
    _hash("token"),
    _units("quantity"),
    _amount("unit_price"),
    _amount("payment"),
    _number("nonce"),
    Column("is_escrow", Boolean, nullable=False),
)
Index("trade_digest", trade.c.trade, unique=True)
Index("trade_listing", trade.c.listing, trade.c.block, trade.c.log_index)
Index("trade_demander", trade.c.demander, trade.c.block, trade.c.log_index)
Index("trade_supplier", trade.c.supplier, trade.c.block, trade.c.log_index)
escrow = _table(  # `state`: funded, delivered, disputed or closed; `cause` of the last release
    "escrow",
    _hash("trade", primary_key=True),
    _number("block"),
    _number("log_index"),
    _hash("bundle"),
    _hash("state"),
    _number("since"),
    _number("operator_set"),
    _units("delivered"),
    _hash("evidence"),
    Column("is_uncovered", Boolean, nullable=False),
    _number("grace_until"),
    _number("deliver_by"),
    _amount("held"),
    _amount("to_supplier"),
    _amount("to_demander"),
    _hash("cause"),
    Column("ruling", JSON, nullable=True),
)
Index("escrow_state", escrow.c.state, escrow.c.block, escrow.c.log_index)
Index("escrow_bundle", escrow.c.bundle)
Index("escrow_place", escrow.c.block, escrow.c.log_index)
EVER_DISPUTED = or_(escrow.c.evidence != text("''"), escrow.c.is_uncovered)
"""Of an escrow: a demander once disputed it, or it went back for want of attested capacity."""
Index(
    "escrow_disputed",
    escrow.c.block,
    escrow.c.log_index,
    sqlite_where=EVER_DISPUTED,
    postgresql_where=EVER_DISPUTED,
)
cycle = _table(  # a net cycle: `rows` of [account, change], `sales` of [listing, units]
    "cycle",
    _hash("batch", primary_key=True),
    *_place(),
    _hash("token"),
    _hash("trades"),
    Column("rows", JSON, nullable=False),
    Column("sales", JSON, nullable=False),
)
volume = _table(  # what was traded of a resource in a day (UTC), without net cycles
    "volume",
    _number("day", primary_key=True),
    _hash("name", primary_key=True),
    _hash("token", primary_key=True),
    _number("trades"),
    _units("quantity"),
    _amount("payment"),
)
undo = _table(  # what row `key` of a table was before `block`, the earliest of its kind; null: none
    "undo",
    _number("block", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _hash("of"),
    Column("key", JSON, nullable=False),
    Column("row", JSON(none_as_null=True), nullable=True),
)
