"""Random moves of operators, suppliers and accounts, and what all random moves are made of."""

from dataclasses import replace

from hypothesis import strategies as st

from fabmarket.identity import digest
from fabmarket.market import trade as terms
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Calendar,
    Cancel,
    Deposit,
    DepositWithPermit,
    Held,
    List,
    Open,
    OperatorSignature,
    Pause,
    Proof,
    RaiseEpoch,
    RaiseListingEpoch,
    RegisterResource,
    Relay,
    Report,
    SetOperators,
    SetToken,
    Slot,
    Unlist,
    VoidIntents,
    Withdraw,
)
from fabmarket.market.trade import (
    Attestation,
    Intent,
    SealedAttestation,
    commitment_of,
    listing_id,
)

U64, U128, U256 = 2**64 - 1, 2**128 - 1, 2**256 - 1
ALL_USED = 2**96 - 1
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 2 * HALF_ORDER + 1
NOBODY = "0x" + "0" * 40
SALT = b"\x51" * 32


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


def ascending(keys):
    return sorted(keys, key=lambda key: int(key.address, 16))


class Basics:
    """Draws what does not depend on trades; `escrows` are the trades that were meant for one."""

    def __init__(self, draw, both, escrows):
        self.draw, self.both, self.people = draw, both, both.people
        self.token, self.other = (each.address for each in both.tokens)
        self.escrows, self.signed = list(escrows), []
        self.keys = {key.address: key for key in (*both.people.operators, both.people.stranger)}
        self.everybody = (*both.people.traders, both.wallet)
        self.keys |= {key.address: key for key in self.everybody}

    def one(self, *values):
        return self.draw(st.sampled_from(values))

    def draw_kind(self, kinds):
        return self.draw(st.sampled_from(kinds))

    def rarely(self, usual, *others):
        """`usual` nineteen times out of twenty."""
        return self.one(*others) if self.draw(st.integers(0, 19)) == 13 else usual

    def trader(self):
        return self.one(*self.people.traders)

    def held_of(self, trade):
        return self.both.state.held.get(digest(self.both.state.domain, trade), Held())

    def when(self, due=()):
        """The next second, or some deadline or the second before it, perhaps some blocks later.

        If something is `due`, its time or the second before it.
        """
        if due or self.draw(st.integers(0, 3)) == 2:
            self.both.skip(self.one(1, 2, self.both.state.parameters.grace_blocks))
        now, state = self.both.now, self.both.state
        if due:
            time = self.one(*sorted(due))
            return max(now, self.rarely(time, time - 1))
        dates = [state.paused_until, state.next_since]
        for trade in self.escrows:
            held, agreed = self.held_of(trade), trade.escrow
            dates += [agreed.deliver_from, agreed.deliver_by, agreed.dispute_by, agreed.decide_by]
            waits = (state.parameters.dispute_window, state.parameters.hearing)
            dates += [held.grace_until, *(held.since + wait for wait in waits)]
            dates += [held.since + sum(waits[1:]) + state.parameters.decision_window]
        dates += [posted.executable_at for posted in state.rulings.values()]
        later = sorted({each - back for each in dates for back in (0, 1) if each - back > now})
        # Mostly one of the next, so that not everything is over at once.
        jumps = later and self.draw(st.integers(0, 2)) == 2
        return self.one(*self.rarely(later[:4], later)) if jumps else now

    def relays(self):
        return self.draw(st.integers(0, 4)) == 3

    def relay(self, state, now, key, move):
        call = self.both.contract.move_data(move)
        nonce = state.intent_nonces.get(key.address, 0)
        nonce = self.rarely(nonce, min(nonce + 1, U256), 0, U256)
        deadline = self.rarely(now + 5, now, now + 1, now - 1, U64)
        intent = Intent(key.address, call, nonce, deadline)
        intent_digest = digest(state.domain, self.rarely(intent, replace(intent, nonce=7)))
        signature = self.rarely(key, *self.people.traders).sign(intent_digest)
        return self.trader(), Relay(intent, move, self.whole(key.address, signature))

    def whole(self, signer, signature):
        """What the contract gets as bytes, rarely spoiled."""
        if self.rarely(False, True):
            signature = spoiled(signature, self.one(*SPOILED), self.one(*WRONG_PROOFS))
        return judged(self.both.wallet, signer, signature)

    def void_intents(self, state, now):
        key = self.one(*self.everybody)
        nonce = state.intent_nonces.get(key.address, 0)
        following, after = min(nonce + 1, U256), min(nonce + 2, U256)
        return key, VoidIntents(self.one(following, nonce, after, self.rarely(0, U256)))

    # Operators

    def by_operators(self, state, number, struct, parties=()):
        """Signatures of a set, of no party if that is possible."""
        operators = state.operator_sets[number]
        members = ascending(self.keys[each] for each in operators.members)
        known = [key for key in members if key.address not in parties]
        keys = self.rarely(
            known[: operators.threshold],
            known,
            members,
            known[-operators.threshold :],
            known[: operators.threshold - 1],
            [known[0]] * 2,
            [known[0], self.people.stranger],
            [*known, self.people.stranger],
        )
        keys = self.rarely(ascending(keys), ascending(keys)[::-1])
        struct_digest = digest(state.domain, struct)
        signatures = [
            OperatorSignature(key.address, self.whole(key.address, key.sign(struct_digest)))
            for key in keys
        ]
        if signatures and self.rarely(False, True):
            index, name = self.one(0, -1), self.one(NOBODY, self.people.stranger.address)
            signature = judged(self.both.wallet, name, signatures[index].signature)
            signatures[index] = OperatorSignature(name, signature)
        return tuple(signatures)

    def decide(self, state, now):
        nonce = self.rarely(state.decision_nonce, state.decision_nonce + 1, 0)
        current = state.operator_set(now)
        named = (self.rarely(current, current + 1, 0), nonce, self.rarely(now + 5, now, now + 1))
        deadline = named[2]
        kind = self.one("operators", "pause", "token")
        if kind == "pause":
            month = 30 * 86_400
            until = self.one(now + 3, 0, now + 1, now + month, now + month + 1)
            by = self.by_operators(state, current, terms.Pause(until, *named))
            return self.trader(), Pause(until, deadline, by)
        if kind == "token":
            token, accepted = self.one(
                (self.token, True), (self.token, False), (self.other, True), (NOBODY, False)
            )
            by = self.by_operators(state, current, terms.Token(token, accepted, *named))
            return self.trader(), SetToken(token, accepted, deadline, by)
        pool = [key.address for key in (*self.people.operators, self.people.stranger)]
        pool.append(self.both.wallet.address)
        some = (pool[:3], pool[1:], pool[:2], pool[:1], pool[:1] * 2, [], [NOBODY])
        members = tuple(self.one(*some))
        count = len(members)
        threshold = self.rarely(count // 2 + 1, 0, count // 2, count, count + 1, U256)
        decision = terms.Operators(members, threshold, *named)
        by = self.by_operators(state, current, decision)
        return self.trader(), SetOperators(members, threshold, deadline, by)

    # Suppliers

    def register(self, state, now):
        origin = self.rarely(now - self.one(0, 4), now - 30, 2**40 - 2, 0, U64)
        length = self.rarely(self.one(40, 12), 0, 1, U64, 2**40 - origin - 1, 2**40 - origin)
        length = min(max(length, 0), U64)
        resource = self.one(self.people.mill, self.people.lathe)
        return self.trader(), RegisterResource(resource, self.people.hour, origin, length)

    def resource(self, state, now):
        """Fields that an attestation needs, and the latest version."""
        usual = (self.people.traders[0].address, self.people.mill)
        owner, resource = self.one(*(sorted(state.calendars) or [usual]))
        known = state.calendars.get((owner, resource), Calendar(self.people.hour, 0, 1))
        stored = [s.version for where, s in state.slots.items() if where[:2] == (owner, resource)]
        current = state.operator_set(now)
        seen = {
            "supplier": owner,
            "resource": resource,
            "unit": self.rarely(known.unit, self.people.piece),
            "origin": self.rarely(known.origin, known.origin + 1, U64),
            "slot_length": self.rarely(known.slot_length, 1, U64),
            "operator_set": self.rarely(current, current - 1, current + 1, 0),
        }
        return seen, max([0, *stored])

    def attest(self, state, now):
        seen, latest = self.resource(state, now)
        attestation = Attestation(
            **seen,
            first_slot=self.rarely(self.one(0, 0, 1, 3), U64, U64 - 1),
            quantities=tuple(self.one(10, 10, 3, 1, 0, U64) for _ in range(self.one(1, 2, 3, 0))),
            version=self.rarely(min(latest + 1, U64), 0, 1, latest, U64),
            expiry=self.rarely(now + 100, now - 1, now, now + 1, now + 3, U64),
        )
        current = state.operator_set(now)
        return self.trader(), Attest(attestation, self.by_operators(state, current, attestation))

    def seal(self, state, now):
        seen, latest = self.resource(state, now)
        slot = self.rarely(self.one(0, 1, 3), U64)
        quantity = self.one(6, 6, 0, U64)
        place = (seen["supplier"], seen["resource"], slot)
        attestation = SealedAttestation(
            **seen,
            slot=slot,
            commitment=self.rarely(commitment_of(*place, quantity, SALT), bytes(32), b"c" * 32),
            version=self.rarely(min(latest + 1, U64), 0, latest, U64),
            expiry=self.rarely(now + 100, now, now + 1, now + 3),
        )
        by = self.by_operators(state, state.operator_set(now), attestation)
        return self.trader(), AttestSealed(attestation, by)

    def open(self, state, now):
        owner, resource, sealed = self.one(*sorted(state.seals))
        quantity, salt = self.rarely(6, 0, U64, 7), self.rarely(SALT, bytes(32), b"s" * 32)
        slot = self.rarely(sealed, 0, U64)
        deadline = self.rarely(now + 9, now, now + 1)
        end = state.calendars[owner, resource].end(sealed)
        listing = listing_id(owner, resource, sealed, end)
        at = state.listings.get(listing)
        consent = terms.Open(
            self.rarely(listing, bytes(32)),
            state.seals[owner, resource, sealed],
            self.rarely(state.slots[owner, resource, sealed].version, 0),
            self.rarely(at.epoch if at else 0, 1),
            deadline,
        )
        signer = self.rarely(self.keys[owner], *self.people.traders)
        signature = self.whole(owner, signer.sign(digest(state.domain, consent)))
        move = Open(owner, resource, slot, quantity, salt, deadline, signature)
        return self.one(self.trader(), self.keys[owner]), move

    def place(self, state):
        known = list(state.slots) or [(self.people.traders[0].address, self.people.mill, 0)]
        caller, resource, slot = self.one(*sorted(known))
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
        known = [each.available for each in state.listings.values() if each.available]
        return key, Unlist(resource, slot, self.one(1, 2, *sorted(known), self.rarely(1, 0, U64)))

    def raise_listing_epoch(self, state, now):
        key, _, resource, slot = self.place(state)
        return key, RaiseListingEpoch(resource, self.rarely(slot, 5, U64))

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
        to = self.rarely(key.address, self.trader().address, NOBODY, self.both.contract.address)
        return key, Withdraw(token, amount, to)

    def cancel(self, state, now):
        key = self.one(*self.everybody)
        mask = self.one(1, 1 << 95, 3, ALL_USED, ALL_USED - 1, 0)
        return key, Cancel(self.rarely(self.token, self.other), mask)

    def raise_epoch(self, state, now):
        return self.trader(), RaiseEpoch(self.rarely(self.token, self.other, NOBODY))
