"""Reports of capacity that the exchange refused: mined, reverted, and without an event.

The chain keeps the transaction and nothing else, so each block is asked of a node for its calls to
the exchange that failed; what was attested by then follows from the events before that block.
"""

from collections.abc import Callable, Iterator
from contextlib import closing

from fabmarket.chain import FIRST_BLOCK, ExchangeContract, FailedCall, look_at
from fabmarket.ledger import Ledger
from fabmarket.market.exchange import Exchange, Slot, record
from fabmarket.market.units import name_from_bytes32
from fabmarket.node.oversight import Unusual
from fabmarket.node.owner import Owner
from fabmarket.node.settings import EVENTS

USUAL = 1_000
"""Blocks that are looked through at first, if the owner says nothing else."""

Progress = Callable[[int, int], None]
"""Called with how many blocks are read, and of how many."""


class Refusals:
    """Reads on in the blocks up to the last that an operator's agent has followed."""

    def __init__(self, owner: Owner, since: int | None) -> None:
        """`since`: the first block to look at. EngineUnavailable where no node answers."""
        settings = owner.settings
        self._engine = look_at(settings.chain.urls, settings.chain.chain_id)
        self._contract = ExchangeContract(self._engine, settings.market.exchange)
        self._path = owner.folder / EVENTS
        self._next = since
        self._exchange, self._read = Exchange.undeployed(owner.domain), -1

    def news(self, progress: Progress) -> list[Unusual]:
        """Return what was refused in blocks not looked at before. NodeLost leaves the rest."""
        if not self._path.exists():
            return []
        with closing(Ledger.reading(self._path, is_kept=True)) as store:
            last, _ = store.followed() or (-1, b"")
            first = max(FIRST_BLOCK, last - USUAL + 1) if self._next is None else self._next
            found: list[Unusual] = []
            for number in range(first, last + 1):
                for call in self._engine.failed_calls(number, self._contract.address):
                    self._read_before(store, number)
                    found.extend(self._refused(call, number))
                progress(number + 1 - first, last + 1 - first)
            self._next = max(first, last + 1)
            return found

    def _read_before(self, store: Ledger, number: int) -> None:
        for block, _, entry in store.entries(self._read):
            if block >= number:
                break
            self._exchange, self._read = record(self._exchange, entry.event), block

    def _refused(self, call: FailedCall, number: int) -> Iterator[Unusual]:
        listed = self._contract.listed_by(call)
        if listed is None:
            return
        supplier, reports = listed
        for report in reports:
            slot = self._exchange.slots.get((supplier, report.resource, report.slot), Slot())
            what = (
                f"slot {report.slot} of {name_from_bytes32(report.resource)} of {supplier}:"
                f" {report.quantity} units reported, {slot.attested} attested, {slot.committed} of"
                f" them listed or sold before: transaction 0x{call.transaction.hex()}"
            )
            yield Unusual("refused", what, number)
