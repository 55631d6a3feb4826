"""Random instant trades, alone, in batches and products, and netted in cycles."""

from dataclasses import replace

from fabmarket.identity import digest
from fabmarket.market.exchange import (
    Settle,
    SettleBatch,
    SettleBundle,
    SettleLate,
    SettleNet,
    SignedTrade,
)
from fabmarket.market.net import PAID, PAYS, Cycle, Row, Sale, net_bundle
from fabmarket.market.trade import Trade, bundle_of, nonce_of
from tests.differential.random_basics import (
    ALL_USED,
    NOBODY,
    SALT,
    SPOILED_COMPACT,
    U64,
    U128,
    WRONG_PROOFS,
    Basics,
    judged,
    spoiled,
)

BITS = (0, 1, 2, 60, 95)


class Trades(Basics):
    """Draws trades and how they are settled at once."""

    def seat(self, state, key):
        """The epoch in which an account buys, and its free bits of it."""
        purse = state.account_of(key.address, self.token)
        if purse.used == ALL_USED:
            return purse.epoch + 1, BITS
        return purse.epoch, [bit for bit in BITS if not purse.used >> bit & 1] or [3]

    def trade(self, state, now, **fixed):
        listing = self.one(*sorted(state.listings))
        at = state.listings[listing]
        seller = self.keys[at.supplier]
        buyer = self.rarely(self.one(*(key for key in self.everybody if key is not seller)), seller)
        epoch, free = self.seat(state, buyer)
        end = int.from_bytes(listing[27:], "big")
        quantity = self.rarely(self.one(1, 1, 2, at.available), min(at.available + 1, U64))
        usual = {
            "listing": self.rarely(listing, bytes(32)),
            "demander": self.rarely(buyer.address, NOBODY),
            "token": self.rarely(self.token, self.other),
            "quantity": self.rarely(quantity, 0, U64),
            "unit_price": self.rarely(self.one(1, 7, 101), 0, 2**120, U128),
            "valid_until": self.rarely(min(now + 50, end), now - 1, now, now + 1, end + 1, U64),
            "nonce": self.rarely(nonce_of(epoch, self.one(*free)), *self.odd_nonces(epoch)),
            "supplier_nonce": self.supplier_nonce(state, seller),
            "listing_epoch": self.rarely(at.epoch, at.epoch + 1, U64),
            "transcript": self.one(bytes(32), b"t" * 32),
        }
        return Trade(**{**usual, **fixed}), buyer, seller

    def odd_nonces(self, epoch):
        bits = [nonce_of(epoch, bit) for bit in (0, 95, 96, 255)]
        return *bits, nonce_of(max(0, epoch - 1), 7), nonce_of(epoch + 1, 7), U64

    def supplier_nonce(self, state, seller):
        till = state.account_of(seller.address, self.token)
        free = [bit for bit in (60, 95, 0) if not till.used >> bit & 1] or [3]
        return self.rarely(nonce_of(till.epoch, self.one(*free)), *self.odd_nonces(till.epoch))

    def both_sign(self, state, trade, buyer, seller):
        trade_digest = digest(state.domain, trade)
        signatures = [buyer.sign(trade_digest), seller.sign(trade_digest)]
        if self.rarely(False, True):
            signatures.reverse()
        trade = self.rarely(trade, self.tampered(trade))
        whole = SignedTrade(trade, *self.perhaps_spoiled(state, trade, signatures))
        self.signed.append(whole)
        return whole

    def perhaps_spoiled(self, state, trade, signatures):
        """Both signatures, rarely one of them wrong, or a proof of a signer without code."""
        if self.rarely(False, True):
            index = self.one(0, 1)
            signatures[index] = self.wrong(signatures[index])
        if self.rarely(False, True):
            signatures[self.one(0, 1)] = self.both.wallet.sign(b"")
        signers = (trade.demander, state.supplier_of(trade.listing))
        return [judged(self.both.wallet, *each) for each in zip(signers, signatures, strict=True)]

    def wrong(self, signature):
        return spoiled(signature, self.one(*SPOILED_COMPACT), self.one(*WRONG_PROOFS))

    def tampered(self, trade):
        name = self.one("quantity", "unit_price", "nonce", "transcript", "bundle", "demander")
        value = {"demander": self.trader().address, "transcript": SALT, "bundle": SALT}
        return replace(trade, **{name: value.get(name, 3)})

    def any_trade(self, state, now):
        """A new trade, or rarely one that was signed before."""
        if self.signed and self.rarely(self.rarely(False, True), True):
            return self.one(*self.signed)
        return self.both_sign(state, *self.trade(state, now))

    def settle(self, state, now):
        return self.trader(), Settle(self.any_trade(state, now))

    def batch(self, state, now):
        trades = [self.any_trade(state, now) for _ in range(self.one(1, 2, 3))]
        return self.trader(), SettleBatch(tuple(trades))

    def parts(self, state, now, escrow=None):
        """Trades of a product, with who signs them."""
        fresh = []
        for bit in range(20, 20 + self.one(1, 2, 3)):
            trade, buyer, seller = self.trade(state, now, quantity=self.rarely(1, 2, 0))
            epoch, _ = self.seat(state, buyer)
            trade = replace(trade, nonce=nonce_of(epoch, self.rarely(bit, 95)))
            fresh.append((escrow(trade) if escrow else trade, buyer, seller))
        return fresh

    def product(self, state, fresh, bundle):
        """Those trades, signed with `bundle`; rarely not all of them, or not in their order."""
        bundle = self.rarely(bundle, b"b" * 32)
        signed = [
            self.both_sign(state, replace(trade, bundle=bundle), *hands) for trade, *hands in fresh
        ]
        return tuple(self.rarely(signed, signed[:-1], signed[1:], signed[::-1], signed * 2))

    def bundle(self, state, now):
        fresh = self.parts(state, now)
        bundle = bundle_of([trade for trade, *_ in fresh])
        return self.trader(), SettleBundle(self.product(state, fresh, bundle))

    def late(self, state, now):
        fresh = self.parts(state, now)
        not_before = self.rarely(self.one(now, now - 3), now + 1, 0, U64)
        agreed = self.rarely(not_before, 7)
        bundle = net_bundle(agreed, bundle_of([trade for trade, *_ in fresh]))
        return self.trader(), SettleLate(self.product(state, fresh, bundle), not_before)

    # Cycles

    def net(self, state, now):
        """A cycle in which some sell and others pay for it, rarely wrong in one place."""
        sold = [each for each in sorted(state.listings) if state.listings[each].available]
        sold = [each for each in sold if self.one(True, True, False)]
        changes = dict.fromkeys(self.accounts_of(state, sold), 0)
        payers = sorted(changes)
        sales = []
        for listing in sold:
            at = state.listings[listing]
            quantity = self.rarely(self.one(1, at.available), 0, min(at.available + 1, U64))
            sales.append((listing, quantity, at))
            price = quantity * self.one(1, 7)
            changes[at.supplier] += price
            changes[self.one(*payers)] -= price
        rows = [self.row(state, sales, each, changes[each]) for each in self.sorted_keys(changes)]
        places = [row.account for row in rows]
        sales = [
            Sale(listing, quantity, self.rarely(at.epoch, at.epoch + 1), places.index(at.supplier))
            for listing, quantity, at in sales
        ]
        ends = [int.from_bytes(each[27:], "big") for each in sold]
        valid_until = min([now + 50, *ends])
        cycle = Cycle(
            self.rarely(self.token, self.other),
            b"r" * 32,
            self.rarely(valid_until, now, now + 1, valid_until + 40),
            tuple(self.perhaps_upset(rows)),
            tuple(self.perhaps_upset(sales)),
        )
        return self.trader(), SettleNet(cycle, self.all_sign(state, cycle))

    def accounts_of(self, state, sold):
        suppliers = {state.listings[each].supplier for each in sold}
        others = [key.address for key in self.everybody if self.one(True, False)]
        return {*suppliers, *others} or {self.trader().address}

    def sorted_keys(self, changes):
        return sorted(changes, key=lambda each: int(each, 16))

    def row(self, state, sales, account, change):
        epoch, free = self.seat(state, self.keys[account])
        mask = 1 << self.one(*free) | 1 << free[0]
        number = sum(at.supplier == account for _, _, at in sales)
        return Row(
            account,
            self.rarely(mask, 0, ALL_USED, 1),
            self.rarely(abs(change), abs(change) + 1, U128),
            self.rarely(PAYS if change < 0 else PAID, 2, 255, PAID, PAYS),
            self.rarely(epoch, epoch + 1, 2**32 - 1),
            self.rarely(number, number + 1, 0),
            salt=self.one(0, 2**72 - 1),
        )

    def perhaps_upset(self, parts):
        """Rows or sales, rarely out of order, one twice or missing, or a row that is not there."""
        parts = self.rarely(parts, parts[::-1], [*parts, *parts[-1:]], parts[1:])
        if parts and isinstance(parts[0], Sale) and self.rarely(False, True):
            parts = [replace(parts[0], row=self.one(0, len(parts), 2**32 - 1)), *parts[1:]]
        if parts and self.rarely(False, False, True):
            first = parts[0]
            gone = {"listing": bytes(32)} if isinstance(first, Sale) else {"account": NOBODY}
            parts = [replace(first, **gone), *parts[1:]]
        return parts

    def all_sign(self, state, cycle):
        agreed = digest(state.domain, self.rarely(cycle, replace(cycle, trades=SALT)).batch)
        signatures = []
        for row in cycle.rows:
            key = self.rarely(self.keys.get(row.account, self.trader()), self.trader())
            signature = self.rarely(key.sign(agreed), self.wrong(key.sign(agreed)))
            signatures.append(judged(self.both.wallet, row.account, signature))
        return tuple(self.rarely(signatures, signatures[:-1], []))
