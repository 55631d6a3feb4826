"""Where an owner's requests are done: one at a time, from what the agent has read by then."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from typing_extensions import override

from fabmarket.api.bodies import StrictRoute
from fabmarket.api.errors import ApiError
from fabmarket.api.pages.shell import Shell
from fabmarket.api.served import Currency
from fabmarket.errors import Refused, TryAgain
from fabmarket.ledger.queries.paging import BadQuery
from fabmarket.node import NoEvidence
from fabmarket.node.escrows import Seen
from fabmarket.node.journal import OtherOrder
from fabmarket.node.owner import Owner
from fabmarket.node.participant import Folded
from fabmarket.node.prefix import NoneSuch
from fabmarket.node.settings import read_settings

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Desk:
    """An agent's directory. What was read of it is kept, and read on at each request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._seen: Seen | None = None
        self._known: Folded[Any] | None = None

    def currency(self, shell: Shell) -> Currency:
        """Return how the market's amounts are written."""
        return shell.currency(read_settings(self.folder).market.token)

    @contextmanager
    def owner(self) -> Iterator[Owner]:
        """Give the owner's view of the agent as it is now. Refused if it was never started."""
        with self._lock:
            owner = Owner(self.folder, self._seen, self._known)
            self._seen = owner.seen
            try:
                yield owner
            finally:
                self._known = owner.known


class OwnRoute(StrictRoute):
    """A route whose refusals are answers: what cannot be ordered, what is not there, what waits."""

    @override
    def get_route_handler(self) -> Handler:
        """Return what answers a request."""
        handle = super().get_route_handler()

        async def telling(request: Request) -> Response:
            try:
                return await handle(request)
            except BadQuery:
                raise
            except HTTPException as error:
                if error.status_code != 400:
                    raise
                raise ApiError(422, "the body is none of its kind", "body") from error
            except (NoneSuch, NoEvidence) as error:
                raise ApiError(404, str(error)) from error
            except OtherOrder as error:
                raise ApiError(409, str(error), "header.idempotency-key") from error
            except Refused as error:
                raise ApiError(422, str(error)) from error
            except TryAgain as error:
                raise ApiError(503, str(error)) from error

        return telling
