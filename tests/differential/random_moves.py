"""Random moves for the twin and the contract, mostly legal and rarely wrong in one way."""

from fabmarket.market.exchange import EscrowState
from tests.differential.random_escrows import Escrows


class Moves(Escrows):
    """Draws moves that are likely to mean something in the state they meet."""

    def next(self):
        """Return who moves, the move, and its time."""
        state = self.both.state
        kinds = self.escrow_kinds(state)
        if state.listings:
            kinds += [self.settle] * 5 + [self.batch] * 2 + [self.bundle] * 2 + [self.late]
            kinds += [self.escrow] * 5 + [self.escrow_batch] + [self.escrow_bundle] * 2
            kinds += [self.net] * 4
        if state.accounts:
            kinds += [self.cancel]
        if state.seals:
            kinds += [self.open]
        if state.calendars:
            kinds += [self.attest, self.seal, self.list, self.unlist, self.raise_listing_epoch]
        kinds += [self.decide, self.deposit, self.withdraw, self.raise_epoch, self.void_intents]
        kinds += [self.register]
        kind = self.draw_kind(kinds)
        ends = kind in (self.expire, self.rule, self.execute)
        now = self.when(self.due() if ends and self.one(True, True, False) else ())
        key, move = kind(state, now)
        by_relay = key is self.both.wallet or self.relays()
        return (*(self.relay(state, now, key, move) if by_relay else (key, move)), now)

    def escrow_kinds(self, state):
        """What may be done with trades in escrow, more often what fits their states."""
        if not self.escrows:
            return []
        at = {held.state for held in map(self.held_of, self.escrows)}
        kinds = [self.release, self.refund, self.split, self.void_splits, self.refund_uncovered]
        kinds += [self.deliver, self.dispute, self.rule, self.execute] + [self.expire] * 4
        if EscrowState.FUNDED in at:
            kinds += [self.deliver] * 3
        if EscrowState.DELIVERED in at:
            kinds += [self.dispute] * 4
        if EscrowState.DISPUTED in at:
            kinds += [self.rule] * 4
        if state.rulings:
            kinds += [self.execute] * 4
        return kinds
