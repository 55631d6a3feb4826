"""Whatever a peer sends to a real door: it is refused with a documented reason, and counted.

The participant behind the door is a supplier in a market of three, whose honest demanders trade
meanwhile.
"""

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fabmarket.identity import Key, digest
from fabmarket.identity.codec import encode
from fabmarket.identity.sealing import _SHOWN, _SUITE, SealingKey, _info, sealed
from fabmarket.market.cards import PROTOCOL, ContactCard, SignedNotice
from fabmarket.market.events import Announced
from fabmarket.market.messages import (
    Alternative,
    Demand,
    Exit,
    Quote,
    Reply,
    Selection,
    SubTask,
)
from fabmarket.node import Answer
from fabmarket.node.board import Board
from fabmarket.node.door import PATH, REFUSALS
from fabmarket.node.envelope import Envelope, seal
from fabmarket.node.inbox import Arrived
from fabmarket.node.links import Links
from fabmarket.node.settings import DoorTable, PeersTable
from fabmarket.node.tls import Tls
from tests.street import free_port
from tests.unit.node.town import DOMAIN, RHYTHM, TOKEN, Town

EVE = Key.derive("hostile peers", "eve")
NOBODY = Key.derive("hostile peers", "without a card")
OTHER_CHAIN = replace(DOMAIN, chain_id=DOMAIN.chain_id + 1)
OTHER_CONTRACT = replace(DOMAIN, verifying_contract=TOKEN)
SESSION_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "session.md"


def card(key: Key, **changed: object) -> ContactCard:
    values = {"url": "http://127.0.0.1:1", "version": PROTOCOL, "expires": 10**6} | changed
    return ContactCard(key.address, SealingKey(key).public, resource=bytes(32), **values)


class Besieged:
    """Cleo, who sells, behind a door of her own; Eve and the demanders have cards."""

    def __init__(self) -> None:
        self.town = Town().opened()
        self.cleo, self.key = self.town.people["cleo"], self.town.keys["cleo"]
        self.port, self.inbox = free_port(), SimpleQueue()
        place = f"127.0.0.1:{self.port}"
        table = DoorTable(listen=place, url=f"http://{place}")
        sealing = SealingKey(self.key)
        tls = Tls(Path(), table, PeersTable())
        self.links = Links(table, DOMAIN, self.key.address, sealing, self.inbox, tls)
        self.links.begin()
        self.links.tick(1_030)
        for key in (EVE, *self.town.keys.values()):
            self.links.know(card(key))

    def post(self, body: bytes) -> tuple[int, str]:
        """Send bytes as a stranger; meanwhile Cleo answers what comes to her."""
        said: list[tuple[int, str]] = []

        def ask() -> None:
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            link.request("POST", PATH, body)
            answer = link.getresponse()
            said.append((answer.status, answer.read().decode().strip()))
            link.close()

        asking = threading.Thread(target=ask)
        asking.start()
        while asking.is_alive():
            try:
                item = self.inbox.get(timeout=0.02)
            except Empty:
                continue
            assert isinstance(item, Arrived)
            item.answer(self.cleo.receive(item.text, item.sender))
        (answer,) = said
        return answer

    def sealed(self, text: bytes, sender: Key = EVE, **changed):
        reader = SealingKey(changed.get("reader", self.key)).public
        domain = changed.get("domain", DOMAIN)
        return sealed(domain, sender.address, self.key.address, reader, text)

    def said(self, message, key: Key = EVE, domain=DOMAIN, **changed) -> bytes:
        """A letter with a message of Eve's, well signed."""
        text = encode(Envelope(message, seal(key, domain, message)[1]))
        return self.sealed(text, **changed)

    def written(self) -> bytes:
        return self.cleo.journal.dump()

    def end(self) -> None:
        self.links.stop()
        self.links.join(10)
        assert not self.links.is_alive()


@pytest.fixture(scope="module")
def besieged() -> Iterator[Besieged]:
    made = Besieged()
    yield made
    made.end()


def demand(**changed: object) -> Demand:
    opens = RHYTHM.opens_after(1_030)
    values = {"sequence": 1, "offers_until": RHYTHM.offers_until(opens), "opens": opens}
    return Demand(EVE.address, **(values | {"sub_tasks": ()} | changed))


def badly_padded(besieged: Besieged) -> bytes:
    reader = SealingKey(besieged.key)._key.public_key()
    return _SHOWN + _SUITE.encrypt(
        b"\1" * (24 + 2_048), reader, _info(DOMAIN, besieged.key.address)
    )


def of_anne(besieged: Besieged) -> bytes:
    return besieged.town.letters("anne")[0].body


REPLY = Reply(EVE.address, b"\1" * 32, 0, bytes(32), 1)
QUOTE = Quote(EVE.address, bytes(32), 1, bytes(32), bytes(32), 0, 0, (), 9, 9)
KINDS = {
    "nothing": (lambda _: b"", 422, "sealed otherwise: 0 bytes are no letter"),
    "noise": (lambda _: b"\xa5" * 3_000, 422, "sealed otherwise: it is of version 42405 where 2"),
    "200 kB of brackets": (lambda _: b"[" * 200_000, 422, "sealed otherwise: it is of version"),
    "sealed brackets": (lambda b: b.sealed(b"[" * 200_000), 422, "refused: Envelope: not JSON"),
    "deep JSON": (
        lambda b: b.sealed(b'{"message":' * 50_000 + b"1" + b"}" * 50_000),
        422,
        "refused: Envelope: not JSON",
    ),
    "a key twice": (
        lambda b: b.sealed(encode(Envelope(REPLY, bytes(65))).replace(b'{"m', b'{"m":1,"m', 1)),
        422,
        "refused: Envelope: fields",
    ),
    "a space more": (
        lambda b: b.sealed(encode(Envelope(REPLY, bytes(65))) + b" "),
        422,
        "refused: Envelope: not in canonical form",
    ),
    "another version": (
        lambda b: b"\0\1" + b.said(demand())[2:],
        422,
        "sealed otherwise: it is of version 1 where 2 is due",
    ),
    "for somebody else": (
        lambda b: sealed(DOMAIN, EVE.address, NOBODY.address, SealingKey(NOBODY).public, b"hello"),
        422,
        "sealed otherwise: it does not open",
    ),
    "of one without a card": (
        lambda b: b.sealed(b"hello", sender=NOBODY),
        503,
        "unknown",
    ),
    "for one whose card names our key": (
        lambda b: sealed(DOMAIN, EVE.address, NOBODY.address, SealingKey(b.key).public, of_anne(b)),
        422,
        "sealed otherwise: it does not open",
    ),
    "sealed for another key": (
        lambda b: b.said(demand(), reader=EVE),
        422,
        "sealed otherwise: it does not open",
    ),
    "sealed for another chain": (
        lambda b: b.said(demand(), domain=OTHER_CHAIN),
        422,
        "refused: bad signature",
    ),
    "badly padded": (badly_padded, 422, "sealed otherwise: it is not padded as it is due"),
    "of another author than its sender": (
        lambda b: b.sealed(of_anne(b)),
        422,
        "refused: message of another author than the letter's sender",
    ),
    "signed by another": (
        lambda b: b.said(demand(), key=NOBODY),
        422,
        "refused: bad signature",
    ),
    "an answer in no session": (
        lambda b: b.said(REPLY),
        422,
        "refused: message of a session we do not host",
    ),
    "exits in no session": (
        lambda b: b.said(replace(REPLY, exits=(Exit(1, 1),))),
        422,
        "refused: message of a session we do not host",
    ),
    "a supplier's word": (
        lambda b: b.said(QUOTE),
        422,
        "refused: a Quote is not for a supplier",
    ),
    "a selection of nothing": (
        lambda b: b.said(Selection(EVE.address, bytes(32), bytes(32), bytes(32), 1, False)),
        422,
        "refused: selection of an offer we did not make to its sender",
    ),
    "yesterday's demand": (
        lambda b: b.said(demand(opens=1_000, offers_until=RHYTHM.offers_until(1_000))),
        422,
        "refused: demand out of date",
    ),
    "a demand of no beat": (
        lambda b: b.said(demand(opens=1_061)),
        422,
        "refused: demand out of the market's rhythm",
    ),
    "a demand of next year": (
        lambda b: b.said(demand(opens=60_040, offers_until=RHYTHM.offers_until(60_040))),
        422,
        "refused: demand for a beat that is far off",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_refused_with_its_reason_and_counted(besieged, kind):
    make, status, reason = KINDS[kind]
    before, counted = besieged.written(), besieged.links.counted()
    found = besieged.post(make(besieged))
    assert (found[0], found[1][: len(reason)]) == (status, reason)
    assert besieged.written() == before
    why = found[1].partition(":")[0]
    assert REFUSALS[why][0] == status
    assert besieged.links.counted()[why] == counted.get(why, 0) + 1


@pytest.mark.parametrize("domain", [OTHER_CHAIN, OTHER_CONTRACT], ids=["chain", "contract"])
def test_what_is_sealed_for_another_market_does_not_open(besieged, domain):
    letter = besieged.sealed(of_anne(besieged), sender=besieged.town.keys["anne"], domain=domain)
    assert besieged.post(letter) == (422, "sealed otherwise: it does not open")


def test_every_reason_of_the_participant_is_documented(besieged):
    page = SESSION_PAGE.read_text()
    reasons = re.findall("`([^`]+)`", page[page.index("## Why a message") :])
    known = [re.escape(each).replace("…", ".+") for each in reasons]
    said = [reason.removeprefix("refused: ") for *_, reason in KINDS.values() if "ed: " in reason]
    refused = [each for each in said if not each.startswith(("Envelope", "sealed"))]
    assert len(refused) >= 10
    for reason in refused:
        assert any(re.fullmatch(each, reason) for each in known), reason


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_true_letter_with_bytes_changed_has_no_effect(besieged, data):
    letter = bytearray(besieged.said(demand()))
    for at in data.draw(st.sets(st.integers(0, len(letter) - 1), min_size=1, max_size=4)):
        letter[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from((0, 0, 0, 1, 500)))
    before = besieged.written()
    status, _ = besieged.post(bytes(letter[: len(letter) - cut]))
    assert status in (422, 503)
    assert besieged.written() == before


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_text_with_bytes_changed_well_sealed_has_no_effect(besieged, data):
    """Eve can seal what she likes: what is inside goes through the codec and the signature."""
    text = bytearray(encode(Envelope(REPLY, seal(EVE, DOMAIN, REPLY)[1])))
    for at in data.draw(st.sets(st.integers(0, len(text) - 1), min_size=1, max_size=4)):
        text[at] = data.draw(st.integers(0, 255))
    more = data.draw(st.binary(max_size=40))
    before = besieged.written()
    status, said = besieged.post(besieged.sealed(bytes(text) + more))
    assert (status, said.partition(":")[0]) == (422, "refused")
    assert besieged.written() == before


@settings(max_examples=40)
@given(data=st.data())
def test_forged_cards_count_for_nothing(data):
    """Of all that is announced in Anne's name only what she signed and announced herself counts."""
    anne = Key.derive("anne")
    board = Board(DOMAIN, anne.address)
    true = signed_card(anne, card(anne))
    assert board.take(Announced(anne.address, 0, true)) == card(anne)
    evil = card(anne, url="http://10.6.6.6:1")
    forged = data.draw(
        st.sampled_from(
            (
                Announced(EVE.address, 0, true),
                Announced(EVE.address, 0, signed_card(anne, evil)),
                Announced(anne.address, 1, signed_card(EVE, evil)),
                Announced(anne.address, 1, signed_card(anne, evil, domain=OTHER_CHAIN)),
                Announced(anne.address, 1, signed_card(anne, card(anne, url="file:///etc/passwd"))),
                Announced(anne.address, 1, signed_card(anne, evil) + b" "),
                Announced(anne.address, 1, b"[" * 2_000),
                Announced(anne.address, 1, b"{" * 200_000),
                Announced(anne.address, 1, data.draw(st.binary(max_size=200))),
            )
        )
    )
    assert board.take(forged) is None
    assert board.cards == {anne.address: card(anne)}


def signed_card(key: Key, made: ContactCard, domain=DOMAIN) -> bytes:
    return encode(SignedNotice(made, key.sign(digest(domain, made))))


def test_of_a_flood_of_demands_of_one_account_few_are_taken(besieged):
    """Few by what they ask for, in however many letters; what is refused is not kept."""
    task = SubTask(bytes(32), 1, 2, False, (Alternative(b"r" * 32, 1),) * 2)
    first, *rest = (demand(sequence=number, sub_tasks=(task,) * 30) for number in range(1, 40))
    assert besieged.post(besieged.said(first))[0] == 200
    for each in rest[:3]:
        assert besieged.post(besieged.said(each))[0] == 200
    before = besieged.written()
    for each in rest[3:]:
        said = besieged.post(besieged.said(each))
        assert said == (422, "refused: more than 256 alternatives asked for one beat")
    status, reason = besieged.post(besieged.said(demand(sub_tasks=(task,) * 2_000)))
    assert (status, reason.endswith("bytes where 131072 are the most")) == (422, True)
    assert besieged.written() == before
    assert besieged.post(besieged.said(first))[0] == 200  # a replay: no effect
    assert besieged.written() == before
    assert besieged.links.counted()["taken before"] == 1


def test_half_open_connections_hold_up_nobody(besieged):
    held = []
    for head in (b"", b"POST", b"POST /letters HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"):
        for _ in range(60):
            link = socket.create_connection(("127.0.0.1", besieged.port), timeout=30)
            link.sendall(head)
            held.append(link)
    try:
        assert besieged.post(besieged.said(REPLY))[0] == 422
    finally:
        for link in held:
            link.close()


def test_in_the_end_an_honest_market_trades_through_that_door(besieged):
    """All that came before left nothing behind that keeps Anne and Bert from buying."""
    town = besieged.town

    def carry() -> int:
        count = 0
        for name in ("anne", "bert"):
            for letter in town.letters(name):
                made = besieged.sealed(letter.body, sender=town.keys[name])
                assert besieged.post(made)[0] == 200
                town.people[name].journal.delivered(letter.number)
                count += 1
        for letter in town.letters("cleo"):
            if letter.recipient in town.by_address:
                heard = town.by_address[letter.recipient].receive(letter.body)
                assert heard.answer is Answer.TAKEN
            town.people["cleo"].journal.delivered(letter.number)
            count += 1
        return count

    for now in (1_045, 1_060):
        while carry():
            pass
        town.block(now)
    while carry():
        pass
    assert len(town.people["cleo"].journal.moves()) == 2
