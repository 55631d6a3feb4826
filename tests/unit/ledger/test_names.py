"""Names that strangers wrote on a chain, in every kind of database."""

from contextlib import closing

from fabmarket.identity import Key
from fabmarket.ledger import Block, Entry, Ledger
from fabmarket.market.events import ResourceRegistered
from tests.ledgers import rows_of

HOSTILE = [
    b"mill\0ing",
    b"\0",
    b"\xff\xfe\x80",
    b"\xed\xa0\x80",
    b"\x1b[2J\r\n",
    "\u202egnillim".encode(),
    b"milling",
    b"milling ",
    b" milling",
]


def test_names_of_strangers_are_kept_and_told_apart_wherever_the_ledger_lives(place):
    """Texts of PostgreSQL hold no zero byte and no halves of characters: nothing halts there."""
    supplier = Key.derive("a stranger").address
    names = [each.ljust(32, b"\0") for each in HOSTILE]
    events = [ResourceRegistered(supplier, name, name, 0, 3600) for name in names]
    entries = tuple(Entry(at, bytes(32), event) for at, event in enumerate(events))
    with closing(Ledger(place)) as ledger:
        ledger.append(Block(1, b"\1" * 32, bytes(32), 5, entries), final=0)
        assert list(ledger.events()) == events
        shown = {row["id"]: row["name"] for row in rows_of(ledger, "resource")}
        assert shown == {
            f"0x{name.hex()}": "milling" if each == b"milling" else f"0x{name.hex()}"
            for each, name in zip(HOSTILE, names, strict=True)
        }
        ledger.roll_back(0)
        assert rows_of(ledger, "resource") == []
