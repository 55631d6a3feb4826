"""What an owner reads of its agent: what it knows, negotiated, reported, showed and told."""

import os
import re
import stat
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from fabmarket.api.errors import ApiError, documented
from fabmarket.api.own.desk import Desk
from fabmarket.api.own.written import Digest
from fabmarket.api.reading import Nothing, Whole
from fabmarket.identity.codec import encode
from fabmarket.ledger import Ledger
from fabmarket.ledger.queries.escrows import disputed_by
from fabmarket.ledger.queries.forms import Digits
from fabmarket.ledger.queries.paging import MOST, USUAL
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.node import evidence_of
from fabmarket.node.cases import DisputeStatus, RequestStatus, disputes_of, requests_of
from fabmarket.node.journal import Journal
from fabmarket.node.oversight import exhibits_of, in_dispute, operator_state
from fabmarket.node.owner import Owner
from fabmarket.node.placed import names_in
from fabmarket.node.planned import (
    ApprovalStatus,
    ProductPlan,
    Wanted,
    approvals_of,
    plans_of,
    wants_of,
)
from fabmarket.node.prefix import one_of
from fabmarket.node.reports import reports_of
from fabmarket.node.rounds import Negotiated, SessionStatus, negotiated, sessions_of
from fabmarket.node.settings import EVENTS, EVIDENCE, JOURNAL
from fabmarket.node.status import Status, status_of
from fabmarket.node.told import Exposure, exposure_of

_KEPT = re.compile("0x[0-9a-f]{64}")


@dataclass(frozen=True)
class OwnStatus:
    """An agent: its role, where its door is, whether it runs; below `status` what it knows."""

    role: str
    address: str
    door: str
    running: bool
    catching_up: bool
    status: Status


class Paging(Nothing):
    """Which rows: those before a place in the order of arrival, the newest first."""

    before: Whole | None = None
    limit: Annotated[Whole, Query(ge=1, le=MOST)] = USUAL


@dataclass(frozen=True)
class SessionPage:
    """Sessions, the newest first; `next` is what to give as `before` for more."""

    rows: tuple[SessionStatus, ...]
    next: int | None


@dataclass(frozen=True)
class UsageFact:
    """A report of what is used of a trade at second `at`, and the first answer to it.

    `accepted` is null where nothing was answered.
    """

    trade: str
    digest: str
    supplier: str
    number: int
    units: Digits
    at: int
    note: str
    demander: str
    accepted: bool | None
    answer: str


@dataclass(frozen=True)
class UsagePage:
    """Reports, the newest first; `next` is what to give as `before` for more."""

    rows: tuple[UsageFact, ...]
    next: int | None


@dataclass(frozen=True)
class FileFact:
    """An evidence file of so many bytes: kept by us ("" as `party`), or shown to us by a party.

    `hash` is keccak-256 of its bytes; `trade` is "" where no dispute names it.
    """

    hash: str
    bytes: int
    party: str
    trade: str


def standing_of(owner: Owner) -> OwnStatus:
    """Return what an agent knows and does."""
    settings = owner.settings
    return OwnStatus(
        role=settings.role,
        address=owner.address,
        door=settings.door.url,
        running=owner.is_running,
        catching_up=owner.is_catching_up,
        status=status_of(owner.folder, settings, owner.seen, owner.state),
    )


def sessions_at(owner: Owner, before: int | None, limit: int) -> SessionPage:
    """Return a page of own sessions, the newest first."""
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        every = journal.sessions()
        last = len(every) if before is None else min(before, len(every))
        first = max(0, last - limit)
        rows = sessions_of(journal, owner.address, every[first:last][::-1])
    return SessionPage(tuple(rows), first or None)


def session_of(owner: Owner, digits: str) -> Negotiated:
    """Return an own session round by round. NoneSuch if there is none."""
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        found = one_of(digits, journal.sessions(), "session")
        names = names_in(journal, owner.settings, owner.address)
        return negotiated(journal, owner.address, found, names)


def usage_at(owner: Owner, before: int | None, limit: int) -> UsagePage:
    """Return a page of the reports of what is used, the newest first."""
    every = reports_of(owner.folder)
    last = len(every) if before is None else min(before, len(every))
    first = max(0, last - limit)
    rows = tuple(
        UsageFact(
            trade=f"0x{each.usage.trade.hex()}",
            digest=f"0x{each.digest.hex()}",
            supplier=each.usage.supplier,
            number=each.usage.sequence,
            units=each.usage.units,
            at=each.usage.at,
            note=each.usage.note,
            demander="" if each.receipt is None else each.receipt.demander,
            accepted=None if each.receipt is None else each.receipt.accepted,
            answer="" if each.receipt is None else each.receipt.note,
        )
        for each in every[first:last][::-1]
    )
    return UsagePage(rows, first or None)


def files_of(owner: Owner) -> list[FileFact]:
    """Return the evidence files that we keep, and that parties showed to us as an operator."""
    return [fact for fact, _ in _files(owner)]


def file_of(owner: Owner, digest: str) -> bytes:
    """Return an evidence file by its whole hash. ApiError if there is none."""
    for fact, content in _files(owner):
        if fact.hash == digest:
            return content
    raise ApiError(404, f"there is no evidence file {digest}")


def _files(owner: Owner) -> list[tuple[FileFact, bytes]]:
    found, about = [], dict[str, str]()
    if (owner.folder / EVENTS).exists():
        with (
            closing(Ledger.reading(owner.folder / EVENTS, is_kept=True)) as store,
            snapshot(store.engine) as connection,
        ):
            about = disputed_by(connection)
    folder = owner.folder / EVIDENCE
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    for name in filter(_KEPT.fullmatch, names):
        content = _read(folder / name)
        if content is not None:
            found.append((FileFact(name, len(content), "", about.get(name, "")), content))
    if owner.settings.role == "operator":
        for key, case in in_dispute(operator_state(owner)).items():
            for each in exhibits_of(owner, case):
                named = f"0x{each.hash.hex()}"
                fact = FileFact(named, len(each.file), each.party, f"0x{key.hex()}")
                found.append((fact, each.file))
    return found


def _read(path: "os.PathLike[str]") -> bytes | None:
    """A file that is one, and no link to another."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(opened, "rb") as reading:
            return reading.read() if stat.S_ISREG(os.fstat(opened).st_mode) else None
    except OSError:
        return None


def evidence_file(owner: Owner, digits: str) -> tuple[str, bytes]:
    """Return name and bytes of what the journal proves of a session, trade or bid."""
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        known = (*journal.sessions(), *journal.trades(), *journal.bids())
        found = one_of(digits, dict.fromkeys(known), "session, trade or bid")
        evidence = evidence_of(journal, found)
    return f"{evidence.session.hex()[:16]}-{evidence.holder[2:10]}.json", encode(evidence)


def add_reads(router: APIRouter, desk: Desk) -> None:
    """Add the operations by which an owner reads."""
    errors: dict[str, Any] = {"responses": documented(401, 404)}

    @router.get("/status", summary="What the agent knows and does", **errors)
    def own_status() -> OwnStatus:
        with desk.owner() as owner:
            return standing_of(owner)

    @router.get("/wants", summary="What a demander wants", **errors)
    def own_wants() -> list[Wanted]:
        with desk.owner() as owner:
            return wants_of(owner)

    @router.get("/products", summary="Products, operation by operation", **errors)
    def own_products() -> list[ProductPlan]:
        with desk.owner() as owner:
            return plans_of(owner)

    @router.get("/approvals", summary="What waits for the owner", **errors)
    def own_approvals() -> list[ApprovalStatus]:
        with desk.owner() as owner:
            return approvals_of(owner)

    @router.get("/sessions", summary="Own negotiations, the newest first", **errors)
    def own_sessions(asked: Annotated[Paging, Query()]) -> SessionPage:
        with desk.owner() as owner:
            return sessions_at(owner, asked.before, asked.limit)

    @router.get("/sessions/{session}", summary="A negotiation, round by round", **errors)
    def own_session(session: Annotated[Digest, Path()]) -> Negotiated:
        with desk.owner() as owner:
            return session_of(owner, session)

    @router.get("/usage", summary="Reports of what is used, the newest first", **errors)
    def own_usage(asked: Annotated[Paging, Query()]) -> UsagePage:
        with desk.owner() as owner:
            return usage_at(owner, asked.before, asked.limit)

    @router.get("/requests", summary="What an operator is asked to attest", **errors)
    def own_requests() -> list[RequestStatus]:
        with desk.owner() as owner:
            return requests_of(owner)

    @router.get("/disputes", summary="What an operator rules on", **errors)
    def own_disputes() -> list[DisputeStatus]:
        with desk.owner() as owner:
            return disputes_of(owner)

    @router.get("/exposure", summary="What others see of the agent", **errors)
    def own_exposure() -> Exposure:
        with desk.owner() as owner:
            return exposure_of(owner)

    _add_files(router, desk)


def _add_files(router: APIRouter, desk: Desk) -> None:
    errors: dict[str, Any] = {"responses": documented(401, 404)}

    @router.get("/files", summary="Evidence files, kept or shown", **errors)
    def own_files() -> list[FileFact]:
        with desk.owner() as owner:
            return files_of(owner)

    @router.get(
        "/files/{digest}",
        summary="An evidence file",
        response_class=Response,
        responses={
            200: {"content": {"application/octet-stream": {}}, "description": "its bytes"},
            **documented(401, 404),
        },
    )
    def own_file(digest: Annotated[str, Path(pattern="^0x[0-9a-f]{64}$")]) -> Response:
        with desk.owner() as owner:
            content = file_of(owner, digest)
        return _sent(content, digest, "application/octet-stream")

    @router.get(
        "/evidence/{of}",
        summary="What the journal proves of a session, trade or bid",
        response_class=Response,
        responses={
            200: {
                "content": {"application/json": {}},
                "description": "a file for `fabmarket verify`",
            },
            **documented(401, 404),
        },
    )
    def own_evidence(of: Annotated[Digest, Path()]) -> Response:
        with desk.owner() as owner:
            name, content = evidence_file(owner, of)
        return _sent(content, name, "application/json")


def _sent(content: bytes, name: str, kind: str) -> Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(content, media_type=kind, headers=headers)
