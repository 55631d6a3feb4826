"""One or several URLs as one node: which is asked, which is passed over, what of a URL is shown.

A request goes to the endpoint that answered last. One that does not answer, answers 429 or 5xx, is
of another chain, has not the block that another has shown, or has not read it yet is left for the
next. After a round of all there is a pause, twice as long each time and of random length, so that
not everybody comes back at the same moment; when patience is at its end the node is lost.

The highest block that was shown is a mark: who has not got so far is behind. A mark holds however
long the others lag, and falls to a lower block of a later time: both are not of one chain, so that
one lie does not put all who are honest behind for ever. A head of a time that is still to come is
the last to be believed.
"""

import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import unquote

import requests
from requests import HTTPError
from typing_extensions import override
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from fabmarket.chain.comparing import Comparison
from fabmarket.chain.engine import BusyNow, EngineUnavailable, NobodyAnswers
from fabmarket.chain.posting import BadAnswer, Posting, reason
from fabmarket.chain.spreading import Lane
from fabmarket.errors import TryAgain

PATIENCE = 5.0
"""Seconds after which no further round of all endpoints begins."""
_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_SECRET = 6
_QUOTED = 100

BATCH = "batch"
"""Stands for several requests that go together, as pairs of method and parameters; the result is
the list of their answers."""
AHEAD = 60.0
"""Seconds that the time of a block may be ahead of our clock."""
_SIZED = (BATCH, "eth_getLogs")
"""Of these a node may refuse too many at once."""

_NOT_READ_YET = "from comet block"
"""What cosmos/evm says of a block that it shows before it has read the transactions in it."""


class NodeLost(TryAgain):
    """A node that has answered before does not answer any more."""


def urls_of(name: str) -> list[str]:
    """Return the URLs of a list; a comma that no URL follows is part of one, as in a password."""
    return re.split(r",\s*(?=https?://)", name)


def public(name: str) -> str:
    """An engine's name as it may be shown and kept: of each URL scheme, host and port.

    The rest can be a secret: providers take passwords before the host, and keys in the path or the
    query. "…" stands for what is left out.
    """
    return ",".join(map(_public, urls_of(name)))


def _public(name: str) -> str:
    scheme, mark, _ = name.partition("://")
    if not mark or "@" in scheme:
        return "…" if "@" in name else name
    user, host, rest = _parts(name)
    if "@" in rest:  # a password with a slash in it
        return f"{scheme}://…"
    return f"{scheme}://{host}/…" if user or rest.strip("/") else name


def _parts(url: str) -> tuple[str, str, str]:
    """What stands before the host, with its @; host and port; path, query and fragment."""
    place = re.split("(?=[/?#])", url.partition("://")[2], maxsplit=1)
    user, at, host = place[0].rpartition("@")
    return user + at, host, "".join(place[1:])


def secrets(name: str) -> list[str]:
    """What `public` leaves out, and its parts, longest first; a short part is no secret."""
    found: set[str] = set()
    for user, _, rest in map(_parts, urls_of(name)):
        found |= {user[:-1], *user[:-1].split(":"), rest.strip("/"), *re.split("[/?#&=]", rest)}
    both = {*found, *map(unquote, found)}
    return sorted((one for one in both if len(one) >= _SECRET), key=len, reverse=True)


class _Endpoint(JSONBaseProvider):
    """One URL, and what is known of the node there."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._posting = Posting(url)
        self._secrets = secrets(url)
        self.shown = _public(url)
        self.head = -1
        """The number of the latest block it has shown."""
        self.time: int | None = None
        """The time of that block, seconds; None where it has told the number alone."""
        self.chain_id: int | None = None
        """Asked for again after each time that it was lost."""

    def ask(self, method: str, params: Any) -> RPCResponse:
        """Return its answer. Raises OSError, also the base of what requests raises, ValueError."""
        if method == BATCH:
            return cast(RPCResponse, {"result": self._ask_together(params)})
        request = self.encode_rpc_request(RPCEndpoint(method), params)
        answer = self._answer(request, method in _SIZED)
        if not isinstance(answer, dict) or not {"result", "error"} & set(answer):
            raise BadAnswer(f"{self.quoted(answer)} is no answer")
        of = answer.get("id")
        if of != json.loads(request)["id"] and (of is not None or "error" not in answer):
            raise BadAnswer(f"an answer to request {self.quoted(of)}, which is another")
        if method == "eth_blockNumber" and "result" in answer:
            number = self._number(answer["result"])
            self.head, self.time = number, self.time if number == self.head else None
        elif _asks_head(method, params) and isinstance(answer.get("result"), dict):
            block = answer["result"]
            self.head, self.time = map(self._number, (block.get("number"), block.get("timestamp")))
        return cast(RPCResponse, answer)

    def forget(self) -> None:
        """Its head is to be asked for anew."""
        self.head, self.time = -1, None

    def ask_time(self) -> int:
        """Return the time of the latest block that it has shown, seconds."""
        if self.time is None:
            self.time = self._number(self._block(self.head).get("timestamp"))
        return self.time

    def _ask_together(self, requests: Sequence[tuple[str, Any]]) -> list[Any]:
        asked = [
            {"jsonrpc": "2.0", "id": at, "method": method, "params": params}
            for at, (method, params) in enumerate(requests)
        ]
        said = self._answer(json.dumps(asked).encode(), refusable=True)
        if isinstance(said, dict) and "error" in said:
            raise BadAnswer(self.quoted(said["error"]))
        if not isinstance(said, list) or not all(isinstance(each, dict) for each in said):
            raise BadAnswer(f"{self.quoted(said)} for several requests")
        found = {each.get("id"): each for each in said}
        if len(said) != len(asked) or set(found) != set(range(len(asked))):
            raise BadAnswer(f"{len(said)} answers to {len(asked)} requests, or to others")
        return [found[at] for at in range(len(asked))]

    def _answer(self, request: bytes, refusable: bool) -> Any:
        said = self._posting.answer(request, refusable)
        try:
            return json.loads(said)
        except (ValueError, RecursionError) as error:
            told = self.quoted(said.decode(errors="replace")) if said else "nothing"
            raise BadAnswer(f"{told}, which is no JSON") from error

    def ask_chain_id(self) -> int:
        """Return the id of its chain."""
        return self._number(self._result("eth_chainId", []))

    def give(self, raw: bytes) -> None:
        """Send it a transaction; what it says of that is not heard."""
        self.ask("eth_sendRawTransaction", [f"0x{raw.hex()}"])

    def ask_head(self) -> int:
        """Return the number of its latest block."""
        return self._number(self._result("eth_blockNumber", []))

    def ask_hash(self, number: int) -> bytes | None:
        """Return a block's hash; None where it has not the block, or no more."""
        block = self._block(number)
        if not block:
            return None
        found = block.get("hash")
        if not isinstance(found, str) or not re.fullmatch("0x[0-9a-fA-F]{64}", found):
            raise BadAnswer(f"{self.quoted(found)} is no hash")
        return bytes.fromhex(found[2:])

    def _block(self, number: int) -> dict[str, Any]:
        """Return a block as it tells it; nothing where it has not the block, or no more."""
        block = self._result("eth_getBlockByNumber", [hex(number), False])
        if block is None:
            return {}
        if not isinstance(block, dict) or self._number(block.get("number")) != number:
            raise BadAnswer(f"{self.quoted(block)} for block {number}")
        return block

    def _result(self, method: str, params: list[Any]) -> Any:
        answer = self.ask(method, params)
        if "error" in answer:
            raise BadAnswer(f"the error {self.quoted(answer['error'])}")
        return answer["result"]

    def _number(self, said: object) -> int:
        """Return a number as a node writes it. Raises BadAnswer."""
        if isinstance(said, str) and re.fullmatch("0x[0-9a-fA-F]{1,16}", said):
            return int(said, 16)
        raise BadAnswer(f"{self.quoted(said)} is no number")

    def quoted(self, said: object) -> str:
        """What a node said, cut short, without what the URL holds and is not to be shown."""
        text = error_words(said) or repr(said)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def error_words(said: object) -> str | None:
    """Return the message of an error of JSON-RPC, on one line; None for what is no such error."""
    message = said.get("message") if isinstance(said, dict) else None
    return repr(message)[1:-1] if isinstance(message, str) and message else None


@dataclass(frozen=True)
class _Mark:
    """The highest block that was shown, and when it was made at the latest, seconds."""

    number: int
    time: float


_NONE_YET = _Mark(-1, 0.0)


@dataclass(frozen=True)
class _Failure:
    """Why an endpoint was left. `may_pass`: asked again, it may answer."""

    endpoint: _Endpoint
    said: str
    may_pass: bool
    error: Exception | None = None


class Endpoints(JSONBaseProvider):
    """A provider over all `urls`. `patience` 0: every one of them is asked once."""

    def __init__(self, urls: Sequence[str], patience: float) -> None:
        super().__init__()
        self._all = [_Endpoint(url) for url in urls]
        self._patience = patience
        self._current = 0
        self._mark = _NONE_YET
        self._chain_id: int | None = None
        self._comparison = Comparison([_Endpoint(url) for url in urls])
        self._lanes = [Lane(_Endpoint(url).give) for url in urls]

    @property
    def seen(self) -> int:
        """The number of the highest block that was shown, and is believed."""
        return self._mark.number

    def require_one_chain(self, finality: int, *, at_once: bool) -> None:
        """As `Engine.require_one_chain`, for those that answer."""
        self._comparison.require(self._chain_id, finality, at_once=at_once)

    def spread(self, raw: bytes) -> None:
        """Give a transaction to all but the one that is asked now. Does not wait for them."""
        for at, lane in enumerate(self._lanes):
            if at != self._current:
                lane.put(raw)

    def agree(self, expected: int | None) -> int:
        """Ask every endpoint for its chain's id, once, and return what all that answer say.

        Raises NobodyAnswers, BusyNow where none answers, else EngineUnavailable where they say
        several, or another than is `expected`.
        """
        failures: list[_Failure] = []
        for each in self._all:
            with _noting(failures, each):
                each.chain_id = each.ask_chain_id()
        found = [each for each in self._all if each.chain_id is not None]
        if not found:
            raise _nobody(failures)
        ids = {each.chain_id for each in found}
        if len(ids) > 1:
            said = ", ".join(f"{each.chain_id} at {each.shown}" for each in found)
            raise EngineUnavailable(f"not one chain but several ({said}); give nodes of one")
        (self._chain_id,) = ids
        if self._chain_id is None or expected not in (None, self._chain_id):
            raise EngineUnavailable(
                f"chain id {self._chain_id} at {found[0].shown} where {expected} is expected;"
                f" pass --chain-id {self._chain_id} if this is the chain you mean"
            )
        return self._chain_id

    @override
    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        end = time.monotonic() + self._patience
        pause = _PAUSE
        while True:
            failures: list[_Failure] = []
            answer = self._round(method, params, failures)
            if answer is not None:
                return answer
            wait = pause * random.uniform(0.5, 1.5)  # noqa: S311 (jitter, no secret)
            if time.monotonic() + wait > end or not any(each.may_pass for each in failures):
                raise _lost(method, failures)
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _round(self, method: str, params: Any, failures: list[_Failure]) -> RPCResponse | None:
        """Ask all from the current one on; None if none can answer, and `failures` say why.

        One that is behind, or whose head is of a time to come, is asked only if the others are so
        too or are lost.
        """
        late: list[_Endpoint] = []
        for endpoint in self._in_turn():
            with _noting(failures, endpoint):
                self._require_chain(endpoint)
                # Of blocks that a node has not, or no more, it knows no logs: they would be missed.
                if not self._leads(endpoint) or method == "eth_getLogs":
                    endpoint.ask("eth_blockNumber", [])
                    self._doubt(endpoint)
                if self._leads(endpoint):
                    answer = self._asked(endpoint, method, params)
                    self._doubt(endpoint)
                    if self._leads(endpoint):
                        return self._taken(endpoint, answer)
                late.append(endpoint)
        for endpoint in sorted(late, key=self._is_behind):
            if endpoint.head < _block_named(method, params):
                failures.append(_Failure(endpoint, f"at block {endpoint.head}", may_pass=True))
                continue
            with _noting(failures, endpoint):
                return self._taken(endpoint, self._asked(endpoint, method, params))
        return None

    def _in_turn(self) -> list[_Endpoint]:
        return self._all[self._current :] + self._all[: self._current]

    def _is_behind(self, endpoint: _Endpoint) -> bool:
        return endpoint.head < self._mark.number

    def _leads(self, endpoint: _Endpoint) -> bool:
        """Whether it may be asked before others."""
        is_early = endpoint.time is not None and endpoint.time > time.time() + AHEAD
        return not self._is_behind(endpoint) and not (is_early and len(self._all) > 1)

    def _doubt(self, endpoint: _Endpoint) -> None:
        """Let the mark fall where the head of one that is behind is of a later time."""
        if not self._is_behind(endpoint):
            return
        with suppress(BadAnswer):  # a node may have to read its latest block first
            if self._mark.time < endpoint.ask_time() <= time.time() + AHEAD:
                self._mark = _NONE_YET
                for each in self._all:
                    if each is not endpoint:
                        each.forget()

    def _asked(self, endpoint: _Endpoint, method: str, params: Any) -> RPCResponse:
        answer = endpoint.ask(method, params)
        for each in answer["result"] if method == BATCH else [answer]:
            if _NOT_READ_YET in str(each.get("error", "")):
                raise _NotReadYet(endpoint.quoted(each["error"]))
        return answer

    def _taken(self, endpoint: _Endpoint, answer: RPCResponse) -> RPCResponse:
        if endpoint.head > self._mark.number and endpoint.time is not None:
            self._mark = _Mark(endpoint.head, min(endpoint.time, time.time() + AHEAD))
        if endpoint is not self._all[self._current]:
            self._current = self._all.index(endpoint)
            self._comparison.soon()
        return answer

    def _require_chain(self, endpoint: _Endpoint) -> None:
        if endpoint.chain_id is None and self._chain_id is not None:
            found = endpoint.ask_chain_id()
            if found != self._chain_id:
                raise _OtherChain(f"chain id {found}")
            endpoint.chain_id = found


class _OtherChain(OSError):
    """The node at an endpoint is not of the chain that it was of."""


class _NotReadYet(OSError):
    """A node cannot tell of a block that it has."""


@contextmanager
def _noting(failures: list[_Failure], endpoint: _Endpoint) -> Iterator[None]:
    """Take an endpoint's failure down instead of raising it."""
    try:
        yield
    except (OSError, ValueError) as error:
        endpoint.chain_id = None
        said = str(error) if isinstance(error, _OtherChain | _NotReadYet) else reason(error)
        failures.append(_Failure(endpoint, said, _may_pass(error), error))


def _may_pass(error: Exception) -> bool:
    """Whether an error is one of the moment: silence, 429 or 5xx."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return bool(status == 429 or status >= 500)
    return not isinstance(error, ValueError | _OtherChain)


def _nobody(failures: Sequence[_Failure]) -> NobodyAnswers:
    """What is raised when none has answered yet."""
    said = ", ".join(f"{each.endpoint.shown} ({each.said})" for each in failures)
    # Where nobody listens the URL may be wrong; who is silent or refuses for now is there.
    is_busy = any(
        each.may_pass and isinstance(each.error, TimeoutError | requests.Timeout | HTTPError)
        for each in failures
    )
    kind, do = (BusyNow, "try again later") if is_busy else (NobodyAnswers, "see that one runs")
    told = kind(f"no Ethereum node answers at {said}; {do}")
    told.__cause__ = failures[-1].error
    return told


def _lost(method: str, failures: Sequence[_Failure]) -> Exception:
    """What is raised when no endpoint answers."""
    last = failures[-1]
    if isinstance(last.error, ValueError) and len(failures) == 1 and not last.may_pass:
        return last.error
    if len(failures) == 1:
        lost = NodeLost(
            f"the node at {last.endpoint.shown} does not answer {method} ({last.said});"
            " see that it runs and start again"
        )
    else:
        said = ", ".join(f"{each.endpoint.shown} ({each.said})" for each in failures)
        lost = NodeLost(f"no node answers {method}: {said}; see that one runs and start again")
    lost.__cause__ = last.error
    return lost


def _asks_head(method: str, params: Any) -> bool:
    return method == "eth_getBlockByNumber" and bool(params) and params[0] == "latest"


def _block_named(method: str, params: Any) -> int:
    """The number of the (last) block that a request is about, -1 if it names none."""
    match method:
        case "eth_getLogs":
            said = params[0].get("toBlock")
        case "eth_getBlockByNumber":
            said = params[0]
        case "eth_call" | "eth_getTransactionCount":
            said = params[1]
        case _ if method == BATCH:
            return max((_block_named(*each) for each in params), default=-1)
        case _:
            said = None
    return int(said, 16) if isinstance(said, str) and said.startswith("0x") else -1
