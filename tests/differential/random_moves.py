"""Random moves for the twin and the contract, mostly legal and rarely wrong in one way."""

from dataclasses import replace

from hypothesis import strategies as st

from fabmarket.identity import digest
from fabmarket.market import trade as terms
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Cancel,
    Deliver,
    Deposit,
    DepositWithPermit,
    Dispute,
    EscrowState,
    Expire,
    Held,
    List,
    Open,
    Pause,
    Proof,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    RegisterResource,
    Relay,
    Release,
    Report,
    Rule,
    SetOperators,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    SetToken,
    SignedTrade,
    Slot,
    Split,
    Unlist,
    Withdraw,
)
from fabmarket.market.trade import (
    Attestation,
    Escrow,
    Intent,
    SealedAttestation,
    Trade,
    bundle_of,
    commitment_of,
)

U64, U128, U256 = 2**64 - 1, 2**128 - 1, 2**256 - 1
ALL_USED = 2**96 - 1
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 2 * HALF_ORDER + 1
NOBODY = "0x" + "0" * 40
SALT = b"\x51" * 32
OPEN = (EscrowState.FUNDED, EscrowState.DELIVERED, EscrowState.DISPUTED)


def high_s(signature):
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])


# Signatures of 65 bytes can be wrong in any way, compact ones only in r, s and parity.
SPOILED_COMPACT = (
    lambda signature: signature[:64] + bytes([55 - signature[64]]),
    lambda signature: signature[:32] + (HALF_ORDER + 1).to_bytes(32, "big") + b"\x1b",
    lambda signature: bytes(64) + b"\x1b",
    lambda signature: signature[:32] + bytes(32) + b"\x1c",
    lambda signature: ORDER.to_bytes(32, "big") + signature[32:],
    lambda signature: b"\x01" + signature[1:],
)
SPOILED = (
    *SPOILED_COMPACT,
    high_s,
    lambda signature: signature[:64],
    lambda signature: signature + b"\0",
    lambda signature: b"",
    lambda signature: signature[:64] + bytes([signature[64] - 27]),
    lambda signature: signature[:64] + b"\x1d",
)


WRONG_PROOFS = (b"", bytes(32), bytes.fromhex("1626ba7e").ljust(32, b"\1"))


def spoiled(signature, way, wrong_proof):
    """A signature made wrong, whether a key's or a contract's."""
    return Proof(wrong_proof, confirmed=False) if isinstance(signature, Proof) else way(signature)


def judged(wallet, signer, signature):
    """A proof with the answer of whoever is asked: only the wallet has code."""
    if not isinstance(signature, Proof):
        return signature
    return replace(signature, confirmed=signer == wallet.address and signature.proof == wallet.YES)


class Moves:
    """Draws moves that are likely to mean something in the state they meet."""

    def __init__(self, draw, both, escrows):
        self.draw, self.both, self.people = draw, both, both.people
        self.token, self.other = (each.address for each in both.tokens)
        self.escrows, self.signed = list(escrows), []
        self.keys = {key.address: key for key in (*both.people.operators, both.people.stranger)}
        self.everybody = (*both.people.traders, both.wallet)
        self.keys |= {key.address: key for key in self.everybody}

    def one(self, *values):
        return self.draw(st.sampled_from(values))

    def rarely(self, usual, *others):
        """`usual` nineteen times out of twenty."""
        return self.one(*others) if self.draw(st.integers(0, 19)) == 13 else usual

    def trader(self):
        return self.one(*self.people.traders)

    def when(self):
        """The next second, or rarely some deadline or the second before it."""
        now = self.both.now
        dates = [self.both.state.paused_until]
        for trade in self.escrows:
            dates += [trade.escrow.deliver_by, trade.escrow.accept_by, trade.escrow.decide_by]
        later = [each - back for each in dates for back in (0, 1) if each - back > now]
        return self.one(*later) if later and self.draw(st.integers(0, 7)) == 5 else now

    def next(self):
        """Return who moves, the move, and its time."""
        state, now = self.both.state, self.when()
        kinds = [self.register, self.attest, self.seal, self.decide, self.list, self.withdraw]
        kinds += [self.deposit, self.raise_listing_epoch, self.raise_epoch, self.unlist]
        if state.seals:
            kinds += [self.open]
        if state.listings:
            kinds += [self.settle] * 6 + [self.escrow] * 4 + [self.batch] * 3 + [self.bundle] * 3
        if state.accounts:
            kinds += [self.cancel]
        if self.escrows:
            kinds += [self.release, self.refund, self.split] + [self.dispute] * 4
            kinds += [self.deliver] * 2 + [self.rule] * 3 + [self.expire] * 2
        key, move = self.draw(st.sampled_from(kinds))(state, now)
        by_relay = key is self.both.wallet or self.relays()
        return (*(self.relay(state, now, key, move) if by_relay else (key, move)), now)

    def relays(self):
        return self.draw(st.integers(0, 4)) == 3

    def relay(self, state, now, key, move):
        call = self.both.contract.move_data(move)
        nonce = state.intent_nonces.get(key.address, 0)
        nonce = self.rarely(nonce, nonce + 1, 0, U256)
        deadline = self.rarely(now + 5, now, now + 1, now - 1, U64)
        intent = Intent(key.address, call, nonce, deadline)
        intent_digest = digest(state.domain, self.rarely(intent, replace(intent, nonce=7)))
        signature = self.rarely(key, *self.people.traders).sign(intent_digest)
        if self.rarely(False, True):
            signature = spoiled(signature, self.one(*SPOILED), self.one(*WRONG_PROOFS))
        signature = judged(self.both.wallet, key.address, signature)
        return self.trader(), Relay(intent, move, signature)

    # Operators

    def by_operators(self, state, struct):
        known = [self.keys[each] for each in state.operators]
        keys = self.rarely(
            known[: state.threshold],
            known,
            known[-state.threshold :],
            known[: state.threshold - 1],
            [known[0]] * 2,
            [known[0], self.people.stranger],
            [*known, self.people.stranger],
        )
        keys = sorted(keys, key=lambda key: int(key.address, 16))
        if self.rarely(False, True):
            keys.reverse()
        struct_digest = digest(state.domain, struct)
        signatures = [key.sign(struct_digest) for key in keys]
        if signatures and self.rarely(False, True):
            index = self.one(0, -1)
            signatures[index] = self.one(*SPOILED)(signatures[index])
        return tuple(signatures)

    def decide(self, state, now):
        nonce = self.rarely(state.decision_nonce, state.decision_nonce + 1, 0)
        kind = self.one("operators", "pause", "token")
        if kind == "pause":
            month = 30 * 86_400
            until = self.one(now + 3, 0, now + 1, now + month, now + month + 1)
            return self.trader(), Pause(until, self.by_operators(state, terms.Pause(until, nonce)))
        if kind == "token":
            token, accepted = self.one(
                (self.token, True), (self.token, False), (self.other, True), (NOBODY, False)
            )
            decision = terms.Token(token, accepted, nonce)
            return self.trader(), SetToken(token, accepted, self.by_operators(state, decision))
        pool = [key.address for key in (*self.people.operators, self.people.stranger)]
        named = tuple(self.one(pool[:3], pool[1:], pool[:2], pool[:1], pool[:1] * 2, [], [NOBODY]))
        threshold = self.rarely(max(1, len(named) - 1), 0, len(named), len(named) + 1)
        decision = terms.Operators(named, threshold, nonce)
        return self.trader(), SetOperators(named, threshold, self.by_operators(state, decision))

    # Suppliers

    def register(self, state, now):
        origin = self.rarely(now - self.one(0, 4), now - 30, 2**40 - 2, 0, U64)
        length = self.rarely(self.one(40, 12), 0, 1, U64, 2**40 - origin - 1, 2**40 - origin)
        length = min(max(length, 0), U64)
        resource = self.one(self.people.mill, self.people.lathe)
        return self.trader(), RegisterResource(resource, self.people.hour, origin, length)

    def resource(self, state):
        usual = (self.people.traders[0].address, self.people.mill)
        owner, resource = self.one(*(sorted(state.calendars) or [usual]))
        calendar = state.calendars.get((owner, resource))
        stored = [s.version for where, s in state.slots.items() if where[:2] == (owner, resource)]
        return owner, resource, calendar.unit if calendar else self.people.hour, max([0, *stored])

    def attest(self, state, now):
        owner, resource, unit, latest = self.resource(state)
        attestation = Attestation(
            supplier=owner,
            resource=resource,
            unit=self.rarely(unit, self.people.piece),
            first_slot=self.rarely(self.one(0, 0, 1, 3), U64, U64 - 1),
            quantities=tuple(self.one(10, 10, 3, 0, U64) for _ in range(self.one(1, 2, 3, 0))),
            version=self.rarely(min(latest + 1, U64), 0, 1, latest, U64),
            expiry=self.rarely(now + 100, now - 1, now, now + 1, now + 3, U64),
        )
        return self.trader(), Attest(attestation, self.by_operators(state, attestation))

    def seal(self, state, now):
        owner, resource, unit, latest = self.resource(state)
        slot = self.rarely(self.one(0, 1, 3), U64)
        quantity = self.one(6, 6, 0, U64)
        attestation = SealedAttestation(
            supplier=owner,
            resource=resource,
            unit=self.rarely(unit, self.people.piece),
            slot=slot,
            commitment=self.rarely(
                commitment_of(owner, resource, slot, quantity, SALT), bytes(32), b"c" * 32
            ),
            version=self.rarely(min(latest + 1, U64), 0, latest, U64),
            expiry=self.rarely(now + 100, now, now + 1, now + 3),
        )
        return self.trader(), AttestSealed(attestation, self.by_operators(state, attestation))

    def open(self, state, now):
        owner, resource, slot = self.one(*sorted(state.seals))
        quantity, salt = self.rarely(6, 0, U64, 7), self.rarely(SALT, bytes(32), b"s" * 32)
        slot = self.rarely(slot, 0, U64)
        return self.trader(), Open(owner, resource, slot, quantity, salt)

    def place(self, state):
        known = list(state.slots) or [(self.people.traders[0].address, self.people.mill, 0)]
        caller, resource, slot = self.one(*known)
        return self.rarely(self.keys[caller], *self.everybody), caller, resource, slot

    def list(self, state, now):
        key, caller, resource, slot = self.place(state)
        reports = []
        for _ in range(self.rarely(self.one(1, 1, 2), 0, 3)):
            held = state.slots.get((caller, resource, slot), Slot())
            room = max(0, held.attested - held.committed)
            quantity = self.one(1, 5, room, min(room + 1, U64))
            reports.append(Report(resource, slot, self.rarely(quantity, 0, U64)))
            resource = self.rarely(resource, self.people.lathe, b"m3".ljust(32, b"\0"))
            slot = self.rarely(slot, 0, 1, U64)
        return key, List(tuple(reports))

    def unlist(self, state, now):
        key, _, resource, slot = self.place(state)
        slot = self.rarely(slot, 2**40, U64)
        return key, Unlist(resource, slot, self.one(1, 2, 8, 0, U64))

    def raise_listing_epoch(self, state, now):
        listing = self.rarely(self.one(*(sorted(state.listings) or [bytes(32)])), bytes(32))
        known = state.listings.get(listing)
        return self.keys[known.supplier] if known else self.trader(), RaiseListingEpoch(listing)

    # Accounts

    def deposit(self, state, now):
        token = self.rarely(self.token, self.other, NOBODY, self.people.stranger.address)
        amount = self.rarely(self.one(100, 2**100), 0, 1, U128, 2**127, 2**128, U256)
        if self.draw(st.integers(0, 3)) == 2:
            # The allowance is there already, so it does not matter that the permit is nobody's.
            deadline, v = self.one(U64, 0), self.one(27, 0)
            permit = DepositWithPermit(token, amount, deadline, v, bytes(32), SALT)
            return self.trader(), permit
        return self.trader(), Deposit(token, amount)

    def withdraw(self, state, now):
        key = self.one(*self.everybody)
        held = state.account_of(key.address, self.token).balance
        amount = self.one(1, held // 2, held, held + 1, 0, U256)
        token = self.rarely(self.token, self.other, self.people.stranger.address)
        return key, Withdraw(token, amount)

    def cancel(self, state, now):
        key = self.one(*self.everybody)
        mask = self.one(1, 1 << 95, 3, ALL_USED, ALL_USED - 1, 0)
        return key, Cancel(self.rarely(self.token, self.other), mask)

    def raise_epoch(self, state, now):
        return self.trader(), RaiseEpoch(self.rarely(self.token, self.other, NOBODY))

    # Trades

    def trade(self, state, now, **fixed):
        listing = self.one(*sorted(state.listings))
        at = state.listings[listing]
        seller = self.keys[at.supplier]
        others = [key for key in self.everybody if key is not seller]
        buyer = self.rarely(self.one(*others), seller)
        purse = state.account_of(buyer.address, self.token)
        full = purse.used == ALL_USED
        end = int.from_bytes(listing[27:], "big")
        quantity = self.rarely(self.one(1, 1, 2, at.available), min(at.available + 1, U64))
        free = [each for each in (0, 1, 2, 95) if full or not purse.used >> each & 1]
        usual = {
            "listing": self.rarely(listing, bytes(32)),
            "demander": self.rarely(buyer.address, NOBODY),
            "token": self.rarely(self.token, self.other),
            "quantity": self.rarely(quantity, 0, U64),
            "unit_price": self.rarely(self.one(1, 7, 101), 0, 2**120, U128),
            "valid_until": self.rarely(min(now + 50, end), now - 1, now, now + 1, end + 1, U64),
            "nonce": self.rarely(self.one(*(free or [3])), 0, 95, 96, 127, U256),
            "demander_epoch": self.rarely(purse.epoch + full, purse.epoch, purse.epoch + 1, U64),
            "listing_epoch": self.rarely(at.epoch, at.epoch + 1, U64),
            "transcript": self.one(bytes(32), b"t" * 32),
        }
        return Trade(**{**usual, **fixed}), buyer, seller

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
            index, wrong = self.one(0, 1), self.one(*WRONG_PROOFS)
            signatures[index] = spoiled(signatures[index], self.one(*SPOILED_COMPACT), wrong)
        if self.rarely(False, True):
            signatures[self.one(0, 1)] = self.both.wallet.sign(b"")
        known = state.listings.get(trade.listing)
        signers = (trade.demander, known.supplier if known else NOBODY)
        return [judged(self.both.wallet, *each) for each in zip(signers, signatures, strict=True)]

    def tampered(self, trade):
        name = self.one("quantity", "unit_price", "nonce", "transcript", "bundle", "demander")
        value = {"demander": self.trader().address, "transcript": SALT, "bundle": SALT}
        return replace(trade, **{name: value.get(name, 3)})

    def any_trade(self, state, now):
        """A new trade, or rarely one that was signed before."""
        if self.signed and self.draw(st.integers(0, 5)) == 4:
            return self.one(*self.signed)
        return self.both_sign(state, *self.trade(state, now))

    def settle(self, state, now):
        return self.trader(), Settle(self.any_trade(state, now))

    def batch(self, state, now):
        trades = [self.any_trade(state, now) for _ in range(self.one(1, 2, 3))]
        return self.trader(), SettleBatch(tuple(trades))

    def bundle(self, state, now):
        fresh = [
            self.trade(state, now, nonce=self.rarely(nonce, 95), quantity=self.rarely(1, 2, 0))
            for nonce in range(20, 20 + self.one(1, 2, 3))
        ]
        bundle = self.rarely(bundle_of([trade for trade, *_ in fresh]), b"b" * 32)
        signed = [
            self.both_sign(state, replace(trade, bundle=bundle), *hands) for trade, *hands in fresh
        ]
        given = self.rarely(signed, signed[:-1], signed[1:], signed[::-1], signed * 2)
        return self.trader(), SettleBundle(tuple(given))

    def escrow(self, state, now):
        by = [now + self.one(3, 8)]
        by += [by[0] + self.one(3, 8)]
        by += [by[1] + self.one(3, 8)]
        by = self.rarely(by, [now, now + 1, now + 2], [now + 1] * 3, [now + 1, now + 3, now + 3])
        shares = [self.rarely(self.one(0, 1, 3_333, 9_999, 10_000), 10_001) for _ in range(3)]
        trade, *hands = self.trade(state, now, escrow=Escrow(*by, *shares))
        trade = self.rarely(trade, replace(trade, bundle=SALT))
        signed = self.both_sign(state, trade, *hands)
        self.escrows.append(signed.trade)
        return self.trader(), SettleEscrow(signed)

    def party(self, state, side, trade):
        known = state.listings.get(trade.listing)
        address = trade.demander if side == "demander" else known.supplier if known else NOBODY
        return self.rarely(self.keys.get(address, self.trader()), *self.people.traders)

    def held(self, state, *fitting):
        """A trade in a fitting state if there is one; rarely one that is not quite it."""
        now = [state.held.get(digest(state.domain, each), Held()).state for each in self.escrows]
        fit = [each for each, at in zip(self.escrows, now, strict=True) if at in fitting]
        trade = self.rarely(self.one(*(fit or self.escrows)), *self.escrows)
        return self.rarely(trade, replace(trade, nonce=77), replace(trade, escrow=Escrow(5, 6, 7)))

    def deliver(self, state, now):
        trade = self.held(state, EscrowState.FUNDED)
        return self.trader_or(state, "supplier", trade), Deliver(trade)

    def trader_or(self, state, side, trade):
        key = self.party(state, side, trade)
        return key if key in self.everybody else self.trader()

    def release(self, state, now):
        trade = self.held(state, *OPEN)
        held = state.held.get(digest(state.domain, trade))
        left = held.amount if held else 5
        amount = self.one(1, left // 2, left, left + 1, self.rarely(1, 0, U128))
        return self.trader_or(state, "demander", trade), Release(trade, amount)

    def refund(self, state, now):
        trade = self.held(state, *OPEN)
        return self.trader_or(state, "supplier", trade), Refund(trade)

    def dispute(self, state, now):
        trade = self.held(state, EscrowState.DELIVERED)
        return self.trader_or(state, "demander", trade), Dispute(trade, self.one(SALT, bytes(32)))

    def share(self):
        return self.rarely(self.one(0, 1, 3_333, 9_999, 10_000), 10_001, 65_535)

    def split(self, state, now):
        trade, share = self.held(state, *OPEN), self.share()
        agreed = terms.Split(digest(state.domain, trade), share)
        split_digest = digest(state.domain, self.rarely(agreed, replace(agreed, supplier_share=5)))
        hands = [self.party(state, side, trade) for side in ("demander", "supplier")]
        signatures = self.perhaps_spoiled(state, trade, [key.sign(split_digest) for key in hands])
        return self.trader(), Split(trade, share, *signatures)

    def rule(self, state, now):
        trade, share = self.held(state, EscrowState.DISPUTED), self.share()
        ruling = terms.Ruling(digest(state.domain, trade), share)
        return self.trader(), Rule(trade, share, self.by_operators(state, ruling))

    def expire(self, state, now):
        return self.trader(), Expire(self.held(state, *OPEN))
