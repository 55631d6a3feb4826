"""What counts of all that anybody may announce on the board."""

from dataclasses import replace

import pytest

from fabmarket.identity import Domain, Key, digest
from fabmarket.identity.codec import encode
from fabmarket.market.cards import (
    LARGEST_NOTICE,
    PROTOCOL,
    BadNotice,
    ContactCard,
    Founding,
    SignedNotice,
    check_url,
    notice_of,
)
from fabmarket.market.events import Announced
from fabmarket.market.rhythm import Rhythm

DOMAIN = Domain("Fabmarket", "1", 31337, "0x00000000000000000000000000000000fab0cafe")
ANNE, EVE = Key.derive("card tests", "anne"), Key.derive("card tests", "eve")
CARD = ContactCard(ANNE.address, bytes(range(32)), "http://10.0.0.7:9100", bytes(32), PROTOCOL, 99)
FOUNDING = Founding(ANNE.address, Rhythm(100, 60))


def announced(notice, signer=ANNE, by=ANNE.address, domain=DOMAIN):
    signed = SignedNotice(notice, signer.sign(digest(domain, notice)))
    return Announced(by, 0, encode(signed))


@pytest.mark.parametrize("notice", [CARD, FOUNDING])
def test_a_notice_of_its_announcer_counts(notice):
    assert notice_of(DOMAIN, announced(notice)) == notice


def test_one_that_another_announces_does_not():
    """Else an old card of somebody's could be laid on the board again."""
    with pytest.raises(BadNotice, match=f"a notice of {ANNE.address} by {EVE.address}"):
        notice_of(DOMAIN, announced(CARD, by=EVE.address))


def test_one_that_another_signed_does_not():
    with pytest.raises(BadNotice, match="a notice of"):
        notice_of(DOMAIN, announced(CARD, signer=EVE))


def test_one_of_another_market_does_not():
    with pytest.raises(BadNotice):
        notice_of(DOMAIN, announced(CARD, domain=replace(DOMAIN, chain_id=1)))


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[" * 1000, b"{}"])
def test_what_is_no_notice_does_not(payload):
    with pytest.raises(BadNotice):
        notice_of(DOMAIN, Announced(ANNE.address, 0, payload))


def test_one_too_long_is_not_even_read():
    with pytest.raises(BadNotice, match="2049 bytes where 2048 are the most"):
        notice_of(DOMAIN, Announced(ANNE.address, 0, b"[" * (LARGEST_NOTICE + 1)))


def test_a_rhythm_without_a_period_does_not():
    with pytest.raises(BadNotice, match="without a period"):
        notice_of(DOMAIN, announced(Founding(ANNE.address, Rhythm(100, 0))))


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.7:9100",
        "https://mill.example",
        "http://mill",
        "http://xn--mhle-0ra.example:65535",
        "http://" + ".".join(["m" * 60] * 4) + ":9100",
        "http://[2001:db8::7]:9100",
        "http://[::1]",
    ],
)
def test_urls_of_doors(url):
    check_url(url)
    assert notice_of(DOMAIN, announced(replace(CARD, url=url)))


@pytest.mark.parametrize(
    "url",
    [
        "mill.example:9100",
        "ftp://mill.example",
        "file:///etc/passwd",
        "http://me:secret@mill.example",
        "http://mill.example/path",
        "http://mill.example?query",
        "http://mill.example\r\nHost: other",
        "http://mill.example\n",
        "http://" + "m" * 300,
        "http://" + "m" * 64,
        "http://" + ".".join(["m" * 60] * 5),
        "http://mill..example",
        "http://-mill.example",
        "http://.",
        "http://127.0.0.1:0",
        "http://127.0.0.1:080",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:99999",
        "http://127.0.0.256",
        "http://127.1",
        "http://[1.2.3.4]",
        "http://[:]",
        "http://[1::2::3]:9100",
    ],
)
def test_what_is_no_door_s_url_is_refused(url):
    with pytest.raises(BadNotice, match="no door's URL"):
        notice_of(DOMAIN, announced(replace(CARD, url=url)))
