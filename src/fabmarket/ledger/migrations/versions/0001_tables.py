"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TABLES = {
    "block": "number! hash:text parent:text time",
    "event": "block! log_index! transaction_hash:text kind:text subject:text? body:text",
    "market": (
        "one! chain_id exchange:text final operator_set paused_until:text parameters:json"
        " tokens:json trades"
    ),
    "operators": "set! members:json threshold since block",
    "resource": "supplier!:text id!:text name:text unit:text origin slot_length",
    "slot": (
        "supplier!:text resource!:text slot! name:text begins ends attested:text committed:text"
        " version:text expiry:text commitment:text listing:text available:text sold:text epoch"
        " price:text? trades"
    ),
    "account": "address!:text token!:text balance:text epoch trades",
    "trade": (
        "block! log_index! transaction_hash:text time trade:text listing:text supplier:text"
        " resource:text name:text slot demander:text token:text quantity:text unit_price:text"
        " payment:text nonce is_escrow:flag"
    ),
    "escrow": (
        "trade!:text block log_index bundle:text state:text since operator_set delivered:text"
        " evidence:text is_uncovered:flag grace_until deliver_by held:text to_supplier:text"
        " to_demander:text cause:text ruling:json?"
    ),
    "cycle": (
        "batch!:text block log_index transaction_hash:text time token:text trades:text rows:json"
        " sales:json"
    ),
    "volume": "day! name!:text token!:text trades quantity:text payment:text",
    "undo": "block! number!:small of:text key:json row:json?",
}
"""Columns: `!` is of the key, `?` may be null; a number where no type is said."""
_TYPES = {
    "": sa.BigInteger,
    "small": sa.Integer,
    "text": sa.Text,
    "json": sa.JSON,
    "flag": sa.Boolean,
}
_INDEXES = {
    "slot_listing": ("slot", "listing"),
    "slot_time": ("slot", "begins supplier resource"),
    "trade_digest": ("trade", "trade"),
    "trade_listing": ("trade", "listing block log_index"),
    "trade_demander": ("trade", "demander block log_index"),
    "trade_supplier": ("trade", "supplier block log_index"),
    "escrow_state": ("escrow", "state block log_index"),
    "escrow_bundle": ("escrow", "bundle"),
    "escrow_place": ("escrow", "block log_index"),
}
_EVER_DISPUTED = sa.or_(
    sa.column("evidence") != sa.text("''"), sa.column("is_uncovered", sa.Boolean)
)


def upgrade() -> None:
    """Make the tables."""
    for name, columns in _TABLES.items():
        op.create_table(name, *map(_column, columns.split()), sqlite_with_rowid=False)
    for name, (table, columns) in _INDEXES.items():
        op.create_index(name, table, columns.split(), unique=name == "trade_digest")
    for name, of, where in (
        ("event_subject", ["subject"], sa.text("subject IS NOT NULL")),
        ("event_kind", ["kind", "block", "log_index"], sa.text("kind != 'Settled'")),
    ):
        op.create_index(name, "event", of, sqlite_where=where, postgresql_where=where)
    op.create_index(
        "escrow_disputed",
        "escrow",
        ["block", "log_index"],
        sqlite_where=_EVER_DISPUTED,
        postgresql_where=_EVER_DISPUTED,
    )


def _column(said: str) -> "sa.Column[object]":
    name, _, kind = said.partition(":")
    return sa.Column(
        name.rstrip("!"),
        _TYPES[kind.rstrip("?")](),
        primary_key=name.endswith("!"),
        nullable=kind.endswith("?"),
        autoincrement=False,
    )
