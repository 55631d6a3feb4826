"""What a validator answers about consensus: its head, its peers, who signed, who votes."""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import requests

from fabmarket.errors import TryAgain

T = TypeVar("T")

_TIMEOUT = 5.0
_SIGNED = 2
"""The flag of a signature for the block, not for none."""
_PAGE = 100
"""Validators asked for: more than a consortium has seats."""


class NoAnswer(TryAgain):
    """A validator does not answer, or not as one does."""


@dataclass(frozen=True)
class Head:
    """The newest block that a validator has; it `is_behind` while it fetches what others have."""

    number: int
    time: float
    is_behind: bool


@dataclass(frozen=True)
class Commit:
    """A block's hash, and the validators (see `validator_address`) whose signatures made it final.

    A validator that signed late may be missing: a quorum is enough.
    """

    hash: str
    signers: frozenset[str]


def validator_address(key: str) -> str:
    """Return by what the chain names a validator, hexadecimal: of its key's digest 20 bytes."""
    return sha256(bytes.fromhex(key.removeprefix("0x"))).hexdigest()[:40]


def serves(url: str) -> bool:
    """Return whether a validator answers those who use the chain."""
    asked = '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}'
    kind = {"Content-Type": "application/json"}
    try:
        with _session() as session:
            answer = session.post(url, asked, headers=kind, timeout=_TIMEOUT, allow_redirects=False)
            return "result" in answer.json()
    except (requests.RequestException, ValueError, TypeError):
        return False


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy stands before what is on this machine
    return session


class Comet:
    """The RPC of one validator, at HOST:PORT. Every question raises NoAnswer."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._session = _session()

    def head(self) -> Head:
        """Return its newest block."""

        def read(said: Any) -> Head:
            info = said["sync_info"]
            time = datetime.fromisoformat(info["latest_block_time"][:19] + "+00:00").timestamp()
            return Head(int(info["latest_block_height"]), time, bool(info["catching_up"]))

        return self._ask("status", read)

    def peers(self) -> int:
        """Return with how many others it is connected."""
        return self._ask("net_info", lambda said: int(said["n_peers"]))

    def commit(self, number: int) -> Commit:
        """Return who signed a block that it has."""

        def read(said: Any) -> Commit:
            commit = said["signed_header"]["commit"]
            signers = (
                each["validator_address"].lower()
                for each in commit["signatures"]
                if each["block_id_flag"] == _SIGNED
            )
            return Commit(str(commit["block_id"]["hash"]).lower(), frozenset(signers))

        return self._ask(f"commit?height={number}", read)

    def voters(self) -> frozenset[str]:
        """Return the keys that vote on its next block, as 0x and hexadecimal digits."""

        def read(said: Any) -> frozenset[str]:
            keys = (b64decode(each["pub_key"]["value"]) for each in said["validators"])
            return frozenset(f"0x{key.hex()}" for key in keys)

        return self._ask(f"validators?per_page={_PAGE}", read)

    def _ask(self, question: str, read: Callable[[Any], T]) -> T:
        try:
            answer = self._session.get(
                f"http://{self._place}/{question}", timeout=_TIMEOUT, allow_redirects=False
            )
            return read(answer.json()["result"])
        except (requests.RequestException, ValueError, TypeError, KeyError, LookupError) as error:
            raise NoAnswer(
                f"the validator at {self._place} does not answer ({type(error).__name__})"
            ) from error
