"""What is said on the public board: who can be reached where, and the market's rhythm.

The board takes anything from anybody. A notice counts if it is signed in the market's domain by
the author that announced it; of several cards of one author the last one counts.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from fabmarket.errors import Refused
from fabmarket.identity import (
    Address,
    BadSignature,
    BadValue,
    Bytes32,
    Domain,
    Text,
    TypedStruct,
    Uint32,
    Uint64,
    digest,
    recover,
)
from fabmarket.identity.codec import BadText, decode
from fabmarket.market.events import Announced
from fabmarket.market.rhythm import Rhythm

PROTOCOL = 1
"""The version of the messages between participants that this package speaks."""
LARGEST_NOTICE = 2048
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = rf"(?=.{{1,253}}(?::|$))(?P<name>{_LABEL}(?:\.{_LABEL})*)"
_HOST = rf"(?:{_NAME}|\[(?P<six>[0-9A-Fa-f:.]{{2,45}})\])"
_URL = re.compile(rf"https?://{_HOST}(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_MOST_PORT = 65535


class BadNotice(Refused):
    """An announcement is no notice of this market; says why."""


@dataclass(frozen=True)
class ContactCard(TypedStruct):
    """How to write to `author`: the key to seal letters with, and the URL of its door.

    An empty URL says that letters to it are to be announced on the board. `resource` is what it
    sells, zero for nothing; `version` that of the messages it understands.
    From `expires`, seconds of chain time, on the card counts no longer.
    """

    author: Address
    sealing_key: Bytes32
    url: Text
    resource: Bytes32
    version: Uint32
    expires: Uint64


@dataclass(frozen=True)
class Founding(TypedStruct):
    """The market's rhythm, said once by whoever deployed its contracts."""

    author: Address
    rhythm: Rhythm


Notice = ContactCard | Founding


@dataclass(frozen=True)
class SignedNotice:
    """A notice, and its author's 65-byte signature: the payload of an announcement."""

    notice: Notice
    signature: bytes


def notice_of(domain: Domain, announced: Announced) -> Notice:
    """Return what an announcement says, its signature checked. BadNotice otherwise."""
    if len(announced.payload) > LARGEST_NOTICE:
        raise BadNotice(f"{len(announced.payload)} bytes where {LARGEST_NOTICE} are the most")
    try:
        signed = decode(SignedNotice, announced.payload)
        signer = recover(digest(domain, signed.notice), signed.signature)
    except (BadText, BadSignature, BadValue) as error:
        raise BadNotice(str(error)) from error
    if not signer == announced.author == signed.notice.author:
        raise BadNotice(f"a notice of {signed.notice.author} by {announced.author}")
    if isinstance(signed.notice, ContactCard):
        check_url(signed.notice.url)
    elif not signed.notice.rhythm.period:
        raise BadNotice("a rhythm without a period")
    return signed.notice


def is_notice(payload: bytes) -> bool:
    """Return whether a payload of ours for the board is a notice, and no letter."""
    return payload.startswith(b"{")


def check_url(url: str) -> None:
    """Raise BadNotice unless a door can be at a URL: scheme, host and port; "" is no door."""
    if url and not _is_place(url):
        raise BadNotice(f"{url[:80]!r} is no door's URL; give one like http://10.0.0.7:9100")


def _is_place(url: str) -> bool:
    """Whether a connection can be made to what a URL names, if anybody is there."""
    found = _URL.fullmatch(url)
    if found is None or int(found["port"] or 1) > _MOST_PORT:
        return False
    name, six = found["name"], found["six"]
    try:
        if six is not None:
            IPv6Address(six)
        elif name.rpartition(".")[2].isdigit():  # no top-level domain is, so it is an address
            IPv4Address(name)
    except AddressValueError:
        return False
    return True
