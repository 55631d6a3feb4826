"""Random trades into escrow, and what becomes of them there."""

from dataclasses import replace

from fabmarket.identity import digest
from fabmarket.market import trade as terms
from fabmarket.market.exchange import (
    Deliver,
    Dispute,
    EscrowState,
    Execute,
    Expire,
    Posted,
    Refund,
    RefundUncovered,
    Release,
    Rule,
    SettleEscrow,
    SettleEscrowBatch,
    SettleEscrowBundle,
    Split,
    VoidSplits,
)
from fabmarket.market.exchange.terms import all_held, deadline_of
from fabmarket.market.trade import Escrow, bundle_of, listing_id
from tests.differential.random_basics import SALT, U64, U128
from tests.differential.random_trades import Trades

OPEN = (EscrowState.FUNDED, EscrowState.DELIVERED, EscrowState.DISPUTED)


class Escrows(Trades):
    """Draws trades that wait, and calls about them."""

    def terms(self, state, now, listing):
        """Terms for a listing's place, rarely one second or basis point out of bounds."""
        windows = state.parameters
        supplier, resource, slot = self.place_of(state, listing)
        calendar = state.calendars.get((supplier, resource))
        start = calendar.end(slot) - calendar.slot_length if calendar else 0
        deliver_from = self.one(start, max(start, now + 2))
        deliver_by = max(deliver_from, now) + windows.delivery_window + self.one(0, 3)
        dispute_by = deliver_by + windows.dispute_window + self.one(0, 3)
        decide_by = dispute_by + windows.hearing + windows.decision_window + self.one(0, 3)
        names = ("late_share", "silence_share", "undecided_share", "late_penalty", "exit_penalty")
        shares = {name: self.one(0, 1, 3_333, 9_999, 10_000) for name in names}
        shares[self.one(*names)] = self.share()
        agreed = Escrow(
            resource=resource,
            slot=self.rarely(slot, slot + 1, U64),
            deliver_from=deliver_from,
            deliver_by=deliver_by,
            dispute_by=dispute_by,
            decide_by=decide_by,
            bond=self.rarely(self.one(0, 10, 41), 2**100, U128),
            **shares,
        )
        name = self.one("deliver_from", "deliver_by", "dispute_by", "decide_by")
        short = replace(agreed, **{name: max(0, getattr(agreed, name) - 4)})
        return self.rarely(agreed, short, replace(agreed, decide_by=now + windows.longest_life + 1))

    def place_of(self, state, listing):
        end = int.from_bytes(listing[27:], "big")
        for where in sorted(state.slots):
            if listing_id(*where, end) == listing:
                return where
        return state.supplier_of(listing), self.people.mill, 0

    def share(self):
        return self.rarely(self.one(0, 1, 3_333, 9_999, 10_000), 10_001, 65_535)

    def waiting(self, state, now):
        """A signed trade that waits, or rarely one that was signed before."""
        if self.signed and self.rarely(self.rarely(False, True), True):
            return self.one(*self.signed)
        trade, *hands = self.trade(state, now)
        trade = replace(trade, escrow=self.terms(state, now, trade.listing))
        trade = self.rarely(trade, replace(trade, bundle=SALT))
        signed = self.both_sign(state, trade, *hands)
        self.escrows.append(signed.trade)
        return signed

    def escrow(self, state, now):
        return self.trader(), SettleEscrow(self.waiting(state, now))

    def escrow_batch(self, state, now):
        trades = [self.waiting(state, now) for _ in range(self.one(1, 2, 3))]
        return self.trader(), SettleEscrowBatch(tuple(trades))

    def escrow_bundle(self, state, now):
        def waits(trade):
            return replace(trade, escrow=self.terms(state, now, trade.listing))

        fresh = self.parts(state, now, waits)
        bundle = bundle_of([trade for trade, *_ in fresh])
        product = self.product(state, fresh, bundle)
        self.escrows += [signed.trade for signed in product]
        return self.trader(), SettleEscrowBundle(product)

    def due(self):
        """When trades in escrow may be ended."""
        state, times = self.both.state, set()
        for trade in self.escrows:
            held = self.held_of(trade)
            posted = state.rulings.get(digest(state.domain, trade))
            if posted:
                times.add(posted.executable_at)
            elif held.is_open:
                times.add(held.grace_until or deadline_of(trade, held, state.parameters))
            if held.state == EscrowState.DISPUTED and not posted:
                times.add(held.since + state.parameters.hearing)
        return times

    # In escrow

    def party(self, state, side, trade):
        """The party, rarely another; the wallet's calls are relayed."""
        buys = side == "demander"
        address = trade.demander if buys else state.supplier_of(trade.listing)
        key = self.rarely(self.keys.get(address, self.trader()), *self.people.traders)
        return key if key in self.everybody else self.trader()

    def held(self, *fitting):
        """A trade in a fitting state if there is one; rarely one that is not quite it."""
        fit = [each for each in self.escrows if self.held_of(each).state in fitting]
        trade = self.rarely(self.one(*(fit or self.escrows)), *self.escrows)
        return self.rarely(trade, replace(trade, nonce=77), replace(trade, escrow=Escrow(slot=5)))

    def deliver(self, state, now):
        trade = self.held(EscrowState.FUNDED)
        most = trade.quantity
        quantity = self.rarely(self.one(most, max(1, most // 2)), 0, min(most + 1, U64), U64)
        return self.party(state, "supplier", trade), Deliver(trade, quantity)

    def release(self, state, now):
        trade = self.held(*OPEN)
        left = self.held_of(trade).payment
        amount = self.one(1, left // 2, left, min(left + 1, U128), self.rarely(1, 0, U128))
        return self.party(state, "demander", trade), Release(trade, amount)

    def refund(self, state, now):
        trade = self.held(*OPEN)
        return self.party(state, "supplier", trade), Refund(trade)

    def refund_uncovered(self, state, now):
        trade = self.held(EscrowState.FUNDED)
        return self.party(state, "demander", trade), RefundUncovered(trade)

    def dispute(self, state, now):
        trade = self.held(EscrowState.DELIVERED)
        return self.party(state, "demander", trade), Dispute(trade, self.one(SALT, bytes(32)))

    def split(self, state, now):
        trade = self.held(*OPEN)
        held = self.held_of(trade)
        left = min(all_held(trade, held, state.parameters), U128)
        mine = self.one(0, left // 3, left)
        rest = self.rarely(left - mine, min(left - mine + 1, U128), max(0, left - mine - 1))
        deadline = self.rarely(now + 5, now, now + 1)
        nonce = self.rarely(held.split_nonce, held.split_nonce + 1)
        agreed = terms.Split(digest(state.domain, trade), mine, rest, deadline, nonce)
        split_digest = digest(state.domain, self.rarely(agreed, replace(agreed, to_supplier=5)))
        hands = [self.party(state, side, trade) for side in ("demander", "supplier")]
        signatures = self.perhaps_spoiled(state, trade, [key.sign(split_digest) for key in hands])
        return self.trader(), Split(trade, mine, rest, deadline, *signatures)

    def void_splits(self, state, now):
        trade = self.held(*OPEN)
        return self.party(state, self.one("demander", "supplier"), trade), VoidSplits(trade)

    def rule(self, state, now):
        trade = self.held(EscrowState.DISPUTED)
        trade_digest = digest(state.domain, trade)
        posted = state.rulings.get(trade_digest, Posted()).number
        ruling = terms.Ruling(
            trade_digest,
            self.rarely(posted + self.one(1, 2), posted, 0),
            *(self.share() for _ in range(3)),
            self.rarely(now + 5, now, now + 1),
        )
        number = self.held_of(trade).operator_set or state.operator_set(now)
        parties = (trade.demander, state.supplier_of(trade.listing))
        return self.trader(), Rule(trade, ruling, self.by_operators(state, number, ruling, parties))

    def execute(self, state, now):
        ruled = [each for each in self.escrows if digest(state.domain, each) in state.rulings]
        trade = self.rarely(self.one(*(ruled or self.escrows)), self.held(*OPEN))
        return self.trader(), Execute(trade)

    def expire(self, state, now):
        return self.trader(), Expire(self.held(*OPEN))
