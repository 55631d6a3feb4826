"""Doors that speak TLS: who is believed, what of the files is refused, and renewals."""

import asyncio
import contextlib
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from fabmarket.identity import Domain, Key
from fabmarket.identity.codec import encode
from fabmarket.identity.sealing import SealingKey, sealed
from fabmarket.market.cards import PROTOCOL, ContactCard
from fabmarket.market.messages import Refusal
from fabmarket.node import door, hosts, links
from fabmarket.node.envelope import Envelope, seal
from fabmarket.node.inbox import Arrived, Renewed
from fabmarket.node.journal import Letter
from fabmarket.node.links import Links
from fabmarket.node.participant import Answer, Heard
from fabmarket.node.peers import Delivery, Peers
from fabmarket.node.settings import BadSettings, DoorTable, PeersTable
from fabmarket.node.tls import Tls
from tests.certificates import Authority
from tests.street import PATIENCE, wait_until

DOMAIN = Domain("Fabmarket", "1", 31337, "0x00000000000000000000000000000000fab0cafe")
ANNE, BOB = Key.derive("tls tests", "anne"), Key.derive("tls tests", "bob")
MESSAGE = Refusal(ANNE.address, bytes(32), "no room")


class Doorkeeper:
    """A door of Bob's with a certificate, which takes every letter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority.new("the consortium")
        self.authority.issue(folder / "door.pem", folder / "key.pem")
        self.inbox: SimpleQueue[object] = SimpleQueue()
        self.renewed: SimpleQueue[str] = SimpleQueue()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        place = f"127.0.0.1:{self.port}"
        self.url = f"https://{place}"
        table = DoorTable(listen=place, url=self.url, certificate="door.pem", key="key.pem")
        tls = Tls(folder, table, PeersTable())
        self.links = Links(table, DOMAIN, BOB.address, SealingKey(BOB), self.inbox, tls)
        self.links.begin()
        self.links.know(card(ANNE, "https://127.0.0.1:1"))
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while (item := self.inbox.get()) is not None:
            match item:
                case Arrived():
                    item.answer(Heard(Answer.TAKEN))
                case Renewed(outcome):
                    self.renewed.put(outcome)
                case _:
                    raise AssertionError(item)

    def believing(self, authorities: Authority | None) -> Tls:
        """What a peer has that believes an authority beside those of the system."""
        if authorities is not None:
            authorities.written(self.folder / "ca.pem")
        name = "" if authorities is None else "ca.pem"
        return Tls(self.folder, DoorTable(), PeersTable(authorities=name))

    def shown(self) -> bytes:
        """The certificate that the door shows, whoever signed it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=60) as link,
            context.wrap_socket(link) as talking,
        ):
            return talking.getpeercert(binary_form=True) or b""

    def end(self) -> None:
        self.links.stop()
        self.links.join(30)
        self.inbox.put(None)
        assert not self.links.is_alive()


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doorkeeper]:
    monkeypatch.setattr(links, "RENEWED_EVERY", 0.05)
    made = Doorkeeper(tmp_path)
    yield made
    made.end()


def card(key: Key, url: str) -> ContactCard:
    return ContactCard(key.address, SealingKey(key).public, url, bytes(32), PROTOCOL, 10_000)


def sent(keeper: Doorkeeper, trust: ssl.SSLContext) -> Delivery:
    """What becomes of a letter to Bob; it is given up once it has failed."""
    found: list[object] = []
    envelope = encode(Envelope(MESSAGE, seal(ANNE, DOMAIN, MESSAGE)[1]))
    letter = Letter(1, BOB.address, 1_000, "Refusal", envelope)

    async def run() -> None:
        carrying = Peers(DOMAIN, ANNE.address, found.append, found.append, trust)
        try:
            async with asyncio.timeout(60):
                carrying.know(card(BOB, keeper.url))
                carrying.post([letter])
                while not found and not carrying._lanes[BOB.address].why:
                    await asyncio.sleep(0.01)
                carrying.tick(1_000)
                while not found:
                    await asyncio.sleep(0.01)
        finally:
            await carrying.close()

    asyncio.run(run())
    (delivery,) = found
    assert isinstance(delivery, Delivery)
    return delivery


def test_a_letter_comes_through_where_its_sender_believes_the_authority(keeper):
    assert sent(keeper, keeper.believing(keeper.authority).trust).outcome == "taken"
    assert keeper.links.counted() == {"taken": 1}


@pytest.mark.parametrize("authority", [None, Authority.new("somebody")])
def test_nothing_goes_to_a_door_whose_certificate_is_not_believed(keeper, authority):
    delivery = sent(keeper, keeper.believing(authority).trust)
    assert delivery.outcome == "out of date"
    assert "CERTIFICATE_VERIFY_FAILED" in delivery.reason
    assert "taken" not in keeper.links.counted()


def test_who_speaks_without_tls_is_heard_no_further(keeper):
    link = http.client.HTTPConnection("127.0.0.1", keeper.port, timeout=60)
    link.request("GET", "/")
    with pytest.raises((OSError, http.client.HTTPException)):
        link.getresponse()
    link.close()
    until(lambda: keeper.links.counted().get("no handshake") == 1)


def until(holds) -> None:
    wait_until(holds, PATIENCE, "it did not come to that")


def test_who_does_not_shake_hands_is_hung_up_on(keeper, monkeypatch):
    with monkeypatch.context() as hasty:
        hasty.setattr(door, "HEAD_SECONDS", 0.2)
        with (
            socket.create_connection(("127.0.0.1", keeper.port), timeout=60) as link,
            contextlib.suppress(ConnectionResetError),
        ):
            assert link.recv(1) == b""
        until(lambda: keeper.links.counted() == {"no handshake": 1})
    assert sent(keeper, keeper.believing(keeper.authority).trust).outcome == "taken"


def test_connections_that_do_not_shake_hands_count_among_the_connections(keeper, monkeypatch):
    monkeypatch.setattr(hosts, "MOST_CONNECTIONS", 3)
    silent = [socket.create_connection(("127.0.0.1", keeper.port), timeout=60) for _ in range(4)]
    try:
        until(lambda: keeper.links.counted() == {"too many": 1})
    finally:
        for link in silent:
            link.close()


def test_of_a_host_with_all_connections_one_that_shakes_hands_is_turned_out_for_another(
    keeper, monkeypatch
):
    monkeypatch.setattr(hosts, "MOST_CONNECTIONS", 3)
    place = ("127.0.0.1", keeper.port)
    silent = [socket.create_connection(place, 60, ("127.0.0.9", 0)) for _ in range(4)]
    try:
        until(lambda: keeper.links.counted() == {"too many": 1})
        assert sent(keeper, keeper.believing(keeper.authority).trust).outcome == "taken"
        until(lambda: keeper.links.counted() == {"too many": 2, "no handshake": 1, "taken": 1})
    finally:
        for link in silent:
            link.close()


def test_a_renewed_certificate_is_used_and_said(keeper):
    before = keeper.shown()
    assert before
    keeper.authority.issue(keeper.folder / "new.pem", keeper.folder / "new-key.pem")
    os.replace(keeper.folder / "new-key.pem", keeper.folder / "key.pem")
    assert "is not the key of" in keeper.renewed.get(timeout=120)
    assert keeper.shown() == before  # half renewed is not renewed
    os.replace(keeper.folder / "new.pem", keeper.folder / "door.pem")
    assert keeper.renewed.get(timeout=120).startswith("certificate and key were renewed")
    assert keeper.shown() not in (b"", before)
    assert sent(keeper, keeper.believing(keeper.authority).trust).outcome == "taken"


def test_what_comes_along_with_the_end_of_the_handshake_is_heard(keeper):
    """A client that does not wait between its handshake and its letter, twice on a connection."""
    trust = keeper.believing(keeper.authority).trust
    text = sealed(DOMAIN, ANNE.address, BOB.address, SealingKey(BOB).public, b"hello")
    link = http.client.HTTPSConnection("127.0.0.1", keeper.port, timeout=60, context=trust)
    for _ in range(2):
        link.request("POST", door.PATH, text)
        answer = link.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
    link.close()


def table(**files: str) -> DoorTable:
    return DoorTable(listen="127.0.0.1:9", url="https://127.0.0.1:9", **files)


def refusal(folder: Path, certificate: str = "door.pem", key: str = "key.pem") -> str:
    with pytest.raises(BadSettings) as refused:
        Tls(folder, table(certificate=certificate, key=key), PeersTable())
    return str(refused.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two certificates with their keys."""
    authority = Authority.new("somebody")
    authority.issue(tmp_path / "door.pem", tmp_path / "key.pem")
    authority.issue(tmp_path / "other.pem", tmp_path / "other-key.pem")
    Tls(tmp_path, table(certificate="door.pem", key="key.pem"), PeersTable())  # all is well
    return tmp_path


def test_a_file_that_is_missing_is_named(folder):
    said = refusal(folder, certificate="no.pem")
    assert said.startswith(f"door.certificate: {folder}/no.pem cannot be read (No such file")
    assert refusal(folder, key="no.pem").startswith(f"door.key: {folder}/no.pem cannot be read")


def test_a_key_of_another_certificate_is_refused(folder):
    said = refusal(folder, key="other-key.pem")
    assert said.startswith(f"door.key: {folder}/other-key.pem is not the key of {folder}/door.pem")


def test_a_key_that_everybody_may_read_is_refused(folder):
    (folder / "key.pem").chmod(0o644)
    assert "can be read by anybody on this machine; run chmod o-rwx" in refusal(folder)


def test_an_encrypted_key_is_refused_and_no_passphrase_is_asked_for(folder):
    Authority.new("x").issue(folder / "door.pem", folder / "key.pem", b"secret")
    assert "key.pem is encrypted; give a key without a passphrase" in refusal(folder)


@pytest.mark.parametrize("name", ["door.pem", "key.pem"])
def test_what_is_no_certificate_or_no_key_is_refused(folder, name):
    (folder / name).write_text("nonsense")
    assert "are no certificate and key in PEM form" in refusal(folder)


def test_authorities_must_be_certificates(folder):
    for name, said in (("no.pem", "cannot be read"), ("key.pem", "holds no certificate in PEM")):
        with pytest.raises(BadSettings, match=f"peers.authorities: .*{name} {said}"):
            Tls(folder, DoorTable(), PeersTable(authorities=name))
