"""One trade of a net batch, shown alone: that both signed it, and that the batch is over it.

A session's evidence shows the session. This shows a trade and nothing else: not what was answered,
not who else was there, not what else the batch settled. The path to the batch's root is made of
salted hashes, which fall to no guess. (Its `bundle` is one of all trades of its product without a
salt: a guess at all the others can be held against it.)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fabmarket.identity import Address, Bytes, Domain, digest, is_by
from fabmarket.identity.codec import decode
from fabmarket.ledger import Entry
from fabmarket.market.cycles import Counted, Leaf, Proposal
from fabmarket.market.events import Event, Listed, NetSettled
from fabmarket.market.net import leads, trade_leaf, unpack_rows, unpack_sales
from fabmarket.market.products import Countersigned
from fabmarket.market.trade import NetBatch, Trade
from fabmarket.node.checking import BadEvidence
from fabmarket.node.envelope import Envelope
from fabmarket.node.evidence import FORMAT, NoEvidence
from fabmarket.node.journal import Journal
from fabmarket.node.settlements import NetSettlement

BEGINS = b'{"netted":'
"""How the text of such a file begins, and no evidence of a session or bid."""


@dataclass(frozen=True)
class NettedTrade:
    """A trade with its `demander`'s signature and its supplier's, `consent`; what leads from it to
    a batch's root, and where that settled. `netted` is the form of the file.
    """

    netted: int
    domain: Domain
    trade: Trade
    demander: Bytes
    supplier: Address
    consent: Bytes
    leaf: Leaf
    batch: NetBatch
    settlement: NetSettlement


def netted_trade(journal: Journal, name: bytes) -> NettedTrade:
    """Return what a journal proves of one trade that settled in a net batch.

    NoEvidence if it holds no such trade, or none that was settled so.
    """
    domain, text = journal.about("domain"), journal.message(name)
    envelope = None if text is None else decode(Envelope, text)
    if domain is None or envelope is None or not isinstance(envelope.message, Trade):
        raise NoEvidence(f"the journal holds no trade 0x{name.hex()}")
    consent = _countersigned(journal, name)
    found = () if consent is None else _counted(journal, name, consent.supplier)
    for leaf, batch, settlement in found:
        if consent is not None:
            return NettedTrade(
                netted=FORMAT,
                domain=decode(Domain, domain),
                trade=envelope.message,
                demander=envelope.signature,
                supplier=consent.supplier,
                consent=consent.consent,
                leaf=leaf,
                batch=batch,
                settlement=settlement,
            )
    raise NoEvidence(
        f"trade 0x{name.hex()} was settled in no net batch that the journal knows of; leave --alone"
        " out to show the session that it came from"
    )


def _words(journal: Journal, of: bytes | None) -> list[object]:
    return [] if of is None else [decode(Envelope, text).message for text in journal.talk(of)]


def _countersigned(journal: Journal, name: bytes) -> Countersigned | None:
    words = _words(journal, journal.session_of(name))
    said = (each for each in words if isinstance(each, Countersigned) and each.trade == name)
    return next(said, None)


def _counted(
    journal: Journal, name: bytes, supplier: str
) -> Iterator[tuple[Leaf, NetBatch, NetSettlement]]:
    """Where a supplier counts a trade in a batch that settled."""
    for _, text in journal.said(Counted.__name__):
        word = decode(Envelope, text).message
        if not isinstance(word, Counted) or word.party != supplier:
            continue
        note = journal.about(f"netted 0x{word.batch.hex()}")
        leaves = [] if note is None else [leaf for leaf in word.trades if leaf.trade == name]
        for proposal in _words(journal, word.batch) if leaves else ():
            if note is not None and isinstance(proposal, Proposal):
                yield leaves[0], proposal.cycle.batch, decode(NetSettlement, note)


def check_netted(file: NettedTrade) -> bytes:
    """Return the digest of a file's trade if all that shows without the chain holds.

    BadEvidence says what does not.
    """
    trade, leaf, batch = file.trade, file.leaf, file.batch
    name, settled = digest(file.domain, trade), digest(file.domain, batch)
    said = f"trade 0x{name.hex()}"
    if file.netted != FORMAT:
        raise BadEvidence(f"the file has form {file.netted}, and {FORMAT} is the one known")
    if not is_by(trade.demander, name, file.demander):
        raise BadEvidence(f"{said} is not signed by its demander, {trade.demander}")
    if not is_by(file.supplier, name, file.consent):
        raise BadEvidence(f"{said} is not signed by {file.supplier}")
    if leaf.trade != name:
        raise BadEvidence(f"the leaf is of another trade, 0x{leaf.trade.hex()}")
    if trade.token != batch.token:
        raise BadEvidence("the batch is of another currency than the trade")
    if not leads(trade_leaf(name, leaf.salt), leaf.index, leaf.path, batch.trades):
        way = "with this salt, place and path"
        raise BadEvidence(f"{said} does not lead to the root of the batch's trades {way}")
    if file.settlement.batch != settled:
        other = f"0x{file.settlement.batch.hex()}"
        raise BadEvidence(f"the roots are of batch 0x{settled.hex()}, and not of {other}")
    return name


def is_recorded(file: NettedTrade, entries: Iterable[tuple[int, bytes, Entry[Event]]]) -> bool:
    """Return whether the chain settled a checked file's batch where it says, with rows and sales
    that have room for the trade, and the listing is its supplier's.

    `entries` are all of the event log, with their blocks' numbers and hashes.
    """
    owners, is_settled = set[str](), False
    for number, key, entry in entries:
        match entry.event:
            case Listed(listing=listing, supplier=supplier) if listing == file.trade.listing:
                owners.add(supplier)
            case NetSettled(batch=batch) as event:
                place = NetSettlement(batch, number, key, entry.index, entry.transaction)
                is_settled = is_settled or (place == file.settlement and _has_room(file, event))
            case _:
                pass
    return is_settled and owners == {file.supplier}


def _has_room(file: NettedTrade, event: NetSettled) -> bool:
    """Whether a batch can have settled the trade, by itself, to judge by what the chain shows.

    A party brings the root of its own trades, so that a leaf proves what its owner made it say.
    """
    trade = file.trade
    epoch, bit = divmod(trade.nonce, 1 << 8)
    bought = any(
        (row.account, row.epoch, row.mask >> bit & 1) == (trade.demander, epoch, 1)
        # Who sells, too, may have been paid as much as it paid.
        and (row.sales > 0 or -row.change >= trade.payment)
        for row in unpack_rows(event.rows)
    )
    sold = any(
        (sale.listing, sale.epoch) == (trade.listing, trade.listing_epoch)
        and sale.quantity >= trade.quantity
        for sale in unpack_sales(event.sales)
    )
    return bought and sold
