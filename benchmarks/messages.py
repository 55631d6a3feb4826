"""What a letter costs an agent, beside the raw cost of its cryptography, in one run.

    python benchmarks/messages.py [--quick] [--json] [--dir DIR]

A supplier has a letter from each of so many demanders, a demand, and answers it with an offer. As
an agent does it: the letters that wait, 128 at most, are opened, checked, stepped and written to a
journal on disk together (synchronous); the offers are signed, sealed and ticked off. `ours_per_s`
are letters a second from a sealed demand to a sealed offer. `ceiling_per_s` is what the same
cryptography takes alone, on bytes and keys that lie ready: HPKE open, keccak and recovery of the
signer, keccak and signature, HPKE seal. HTTP is in neither. Both are medians of rounds that take
turns, and `ratio` is the median of the rounds' ratios. `cpu_ratio` is the same of the processor's
time, without what waits for disk and other work; `one_by_one_per_s` what comes of letters that come
alone and wait for the disk each by itself.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coincurve import PrivateKey, PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_hash.backends.pysha3 import keccak256 as keccak
from rpds import HashTrieMap

from fabmarket.identity import Key, canonical
from fabmarket.identity.codec import decode, encode
from fabmarket.identity.sealing import OVERHEAD, SealingKey, sealed
from fabmarket.ledger import Block
from fabmarket.ledger.store import Entry
from fabmarket.market.cards import PROTOCOL, ContactCard
from fabmarket.market.events import Listed, ResourceRegistered
from fabmarket.market.messages import Alternative, Demand, PriceTerms, SubTask
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import listing_id, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import supplier
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.supplier.custom import Custom
from fabmarket.node import Journal, Participant
from fabmarket.node.door import MOST_WAITING
from fabmarket.node.envelope import Envelope, seal, signer_of
from fabmarket.node.peers import letter_for

ROUNDS, LETTERS = 15, 512
QUICK_ROUNDS, QUICK_LETTERS = 5, 256
ORIGIN, LENGTH = 1_000_000, 3_600
MILL, HOUR = name_to_bytes32("mill"), name_to_bytes32("hour")
RHYTHM = Rhythm(0, 60)
EXCHANGE, TOKEN = (Key.derive("messages benchmark", name).address for name in ("exchange", "token"))
DOMAIN = market_domain(31337, EXCHANGE)
SELLER = Key.derive("messages benchmark", "supplier")
SEALING = SealingKey(SELLER)
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_SHOWN, _INSIDE = 2, 24
"""Bytes of a letter in clear; of what is sealed, before the text."""


class Buyer:
    """A demander's key, its card, and the letter with its demand."""

    def __init__(self, number: int) -> None:
        key = Key.derive("messages benchmark", str(number))
        self.card = ContactCard(
            key.address, SealingKey(key).public, "http://x:1", bytes(32), PROTOCOL, 2**40
        )
        opens = RHYTHM.period
        ways = (Alternative(MILL, 1 + number % 40),)
        task = SubTask(number.to_bytes(32, "big"), ORIGIN, ORIGIN + LENGTH, True, ways)
        demand = Demand(key.address, 1, RHYTHM.offers_until(opens), opens, (task,))
        self.text = encode(Envelope(demand, seal(key, DOMAIN, demand)[1]))
        self.letter = sealed(DOMAIN, key.address, SELLER.address, SEALING.public, self.text)


def seller(folder: Path, buyers: Sequence[Buyer]) -> Participant[SupplierState]:
    """A supplier with stock and a new journal on disk; the buyers have paid money in."""
    state = SupplierState(
        address=SELLER.address,
        domain=DOMAIN,
        rhythm=RHYTHM,
        resource=MILL,
        origin=ORIGIN,
        slot_length=LENGTH,
        terms=PriceTerms("balanced", 20_000, 10_000, 50, 0, TOKEN),
        custom=Custom(HashTrieMap({buyer.card.author: 10**6 for buyer in buyers})),
    )
    journal = Journal(folder / "journal.sqlite")
    participant = Participant(SELLER, DOMAIN, supplier.step, state, journal)
    listing = listing_id(SELLER.address, MILL, 0, ORIGIN + LENGTH)
    events = (
        ResourceRegistered(SELLER.address, MILL, HOUR, ORIGIN, LENGTH),
        Listed(listing, SELLER.address, MILL, 0, 10_000, 10_000),
    )
    entries = tuple(Entry(at, bytes(32), event) for at, event in enumerate(events))
    participant.follow(Block(1, bytes(32), bytes(32), RHYTHM.period // 2, entries))
    return participant


class Clock:
    """Seconds of the wall and of the processor since it was made, for each of so many letters."""

    def __init__(self) -> None:
        self._begun = time.perf_counter(), time.process_time()

    def each(self, letters: int) -> tuple[float, float]:
        now = time.perf_counter(), time.process_time()
        wall, cpu = (end - begin for begin, end in zip(self._begun, now, strict=True))
        return wall / letters, cpu / letters


def ours(
    buyers: Sequence[Buyer], folder: Path, at_once: int
) -> tuple[tuple[float, float], list[bytes]]:
    """Return the seconds of a letter, and the letters that were sent back."""
    cards = {buyer.card.author: buyer.card for buyer in buyers}
    participant = seller(folder, buyers)
    journal, collected, sent = participant.journal, 0, []
    delivered: list[int] = []
    signer_of.cache_clear()
    clock = Clock()
    for first in range(0, len(buyers), at_once):
        opened = []
        for buyer in buyers[first : first + at_once]:
            sender, text = SEALING.open(DOMAIN, buyer.letter)
            opened.append((text, sender))
        participant.receive_all(opened, delivered)
        letters = journal.letters(collected)
        for letter in letters:
            sent.append(letter_for(cards[letter.recipient], DOMAIN, SELLER.address, letter))
        delivered = [letter.number for letter in letters]
        collected = delivered[-1]
    journal.delivered(*delivered)
    seconds = clock.each(len(buyers))
    journal.close()
    if len(sent) != len(buyers):
        raise SystemExit(f"{len(sent)} offers to {len(buyers)} demands")
    return seconds, sent


class Ceiling:
    """The same open, recovery, signature and seal, of as many bytes, and nothing else."""

    def __init__(self, buyers: Sequence[Buyer], offer: bytes) -> None:
        secret = HKDF(SHA256(), 32, salt=None, info=b"fabmarket sealing key 1")
        self.own = X25519PrivateKey.from_private_bytes(secret.derive(SELLER.reveal()))
        self.signer = PrivateKey(SELLER.reveal())
        self.offer = bytes(len(offer) - OVERHEAD + _INSIDE)
        self.work = []
        for buyer in buyers:
            shown, sealed_part = buyer.letter[:_SHOWN], buyer.letter[_SHOWN:]
            info = b"fabmarket letter" + DOMAIN.separator() + shown + canonical(SELLER.address)
            envelope = decode(Envelope, buyer.text)
            raw = envelope.signature[:64] + bytes([envelope.signature[64] - 27])
            key = X25519PrivateKey.from_private_bytes(keccak(buyer.text)).public_key()
            self.work.append((sealed_part, info, raw, key))

    def seconds(self) -> tuple[float, float]:
        clock = Clock()
        for sealed_part, info, raw, key in self.work:
            text = SUITE.decrypt(sealed_part, self.own, info)
            signer = PublicKey.from_signature_and_message(raw, keccak(text), hasher=None)
            keccak(signer.format(compressed=False)[1:])
            self.signer.sign_recoverable(keccak(self.offer), hasher=None)
            SUITE.encrypt(self.offer, key, info)
        return clock.each(len(self.work))


def measure(rounds: int, letters: int, place: Path | None) -> dict[str, Any]:
    buyers = [Buyer(number) for number in range(1, letters + 1)]
    with tempfile.TemporaryDirectory(dir=place) as folder:
        _, sent = ours(buyers[:MOST_WAITING], _new(folder, 0), MOST_WAITING)
        ceiling = Ceiling(buyers, sent[0])
        rows = []
        for number in range(1, rounds + 1):
            mine, _ = ours(buyers, _new(folder, 2 * number), MOST_WAITING)
            top = ceiling.seconds()
            alone, _ = ours(buyers[: letters // 8], _new(folder, 2 * number + 1), 1)
            rows.append((1 / mine[0], 1 / top[0], top[0] / mine[0], top[1] / mine[1], 1 / alone[0]))
    per_s, top_per_s, ratio, cpu_ratio, alone_per_s = map(
        statistics.median, zip(*rows, strict=True)
    )
    return {
        "ours_per_s": round(per_s),
        "ceiling_per_s": round(top_per_s),
        "ratio": round(ratio, 3),
        "cpu_ratio": round(cpu_ratio, 3),
        "one_by_one_per_s": round(alone_per_s),
        "letters": letters,
        "rounds": rounds,
        "demand_bytes": len(buyers[0].letter),
        "offer_bytes": len(sent[0]),
    }


def _new(folder: str, number: int) -> Path:
    made = Path(folder) / str(number)
    made.mkdir()
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer letters, fewer rounds")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--dir", type=Path, help="where journals are written: a real disk")
    args = parser.parse_args()
    sizes = (QUICK_ROUNDS, QUICK_LETTERS) if args.quick else (ROUNDS, LETTERS)
    about = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
    }
    result = {**about, **measure(*sizes, args.dir)}
    print(json.dumps(result) if args.json else result)


if __name__ == "__main__":
    main()
