"""Every operation that reads, over a ledger that holds some of everything."""

import httpx
import pytest
from sqlalchemy import Engine

from fabmarket.api.served import Served
from fabmarket.ledger import schema
from tests.filled_ledger import ANNE, BERT, CARA, HUGE, LENGTH, ORIGIN, TOKEN, digest, empty
from tests.serving import serving

WINDOW = f"since={ORIGIN}&until={ORIGIN + 2 * LENGTH}"
PAGES = [
    "/v1/operators",
    "/v1/statistics/volume",
    "/v1/resources",
    f"/v1/calendar?{WINDOW}",
    "/v1/attestations",
    "/v1/listings",
    "/v1/trades",
    "/v1/escrows",
    "/v1/disputes",
    "/v1/products",
    "/v1/cycles",
    "/v1/accounts",
    "/v1/log",
]
MILLING = "0x" + b"milling".ljust(32, b"\0").hex()
ONES = [
    "/v1/market",
    "/v1/statistics",
    "/v1/statistics/days?since=20700&until=20710",
    f"/v1/resources/{ANNE}/{MILLING}",
    f"/v1/listings/{digest(BERT, 'milling', 3)}",
    f"/v1/trades/{digest('trade', 8)}",
    f"/v1/products/{digest('bundle', 1)}",
    f"/v1/cycles/{digest('cycle')}",
    f"/v1/accounts/{BERT}",
]


def asked(path: str, **more: object) -> str:
    """A path with more parameters."""
    query = "&".join(f"{name}={value}" for name, value in more.items())
    return f"{path}{'&' if '?' in path else '?'}{query}"


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_walked_by_their_cursor(path: str, client: httpx.Client) -> None:
    whole = client.get(asked(path, limit=500)).json()["rows"]
    assert whole
    page = client.get(asked(path, limit=2)).json()
    rows = page["rows"]
    while page["next"]:
        assert len(page["rows"]) == 2
        page = client.get(asked(path, limit=2, cursor=page["next"])).json()
        rows += page["rows"]
    assert rows == whole


def test_who_has_an_answer_gets_it_again_only_when_the_ledger_has_moved(
    own_ledger: Engine,
) -> None:
    with serving(Served(own_ledger)) as client:
        tags = {}
        for path in PAGES + ONES:
            first = client.get(path)
            tags[path] = first.headers["etag"]
            assert tags[path].startswith('W/"')
            again = client.get(path, headers={"If-None-Match": f'"other", {tags[path]}'})
            got = again.status_code, again.content, again.headers["etag"]
            assert got == (304, b"", tags[path])
        other = client.get("/v1/trades?limit=3", headers={"If-None-Match": tags["/v1/trades"]})
        assert other.status_code == 200
        new = {"number": 99, "hash": digest("new"), "parent": digest("old"), "time": ORIGIN + 9999}
        with own_ledger.begin() as connection:
            connection.execute(schema.block.insert(), new)
        for path, tag in tags.items():
            moved = client.get(path, headers={"If-None-Match": tag})
            assert (moved.status_code, moved.headers["etag"] != tag) == (200, True)


def test_an_empty_ledger_says_so() -> None:
    with serving(Served(empty())) as client:
        for path in PAGES:
            assert client.get(path).json() == {"rows": [], "next": None}
        assert client.get("/v1/market").status_code == 404
        status = client.get("/v1/status").json()
        assert (status["head"], status["lag"], status["state"]) == (None, None, "file")
        assert client.get("/v1/statistics").json()["trades"] == 0


@pytest.mark.parametrize("path", [path for path in ONES if "0x" in path])
def test_what_the_ledger_does_not_hold_is_not_found(path: str, client: httpx.Client) -> None:
    start, _, last = path.rpartition("/")
    other = last[:-1] + ("0" if last[-1] != "0" else "1")
    assert client.get(f"{start}/{other}").status_code == 404


def test_numbers_beyond_2_to_the_53_are_digits(client: httpx.Client) -> None:
    row = client.get("/v1/trades", params={"limit": 1}).json()["rows"][0]
    assert row["payment"] == str(3 * HUGE)
    assert row["quantity"] == "3"
    assert isinstance(row["block"], int)
    changes = client.get(f"/v1/cycles/{digest('cycle')}").json()["rows"]
    assert [change["amount"] for change in changes] == [str(HUGE), str(-HUGE)]


def test_a_trade_comes_with_its_escrow_and_its_steps(client: httpx.Client) -> None:
    found = client.get(f"/v1/trades/{digest('trade', 8)}").json()
    assert found["trade"]["trade"] == found["escrow"]["trade"] == digest("trade", 8)
    assert [step["kind"] for step in found["steps"]] == ["Delivered"]
    plain = client.get(f"/v1/trades/{digest('trade', 5)}").json()
    assert (plain["escrow"], plain["steps"]) == (None, [])


def test_addresses_and_hashes_are_taken_in_any_case(client: httpx.Client) -> None:
    for account in (ANNE.lower(), "0x" + ANNE[2:].upper()):
        found = client.get("/v1/trades", params={"account": account}).json()
        assert found == client.get("/v1/trades", params={"account": ANNE}).json()
        assert found["rows"]
    upper = "0x" + digest("trade", 8)[2:].upper()
    assert client.get(f"/v1/trades/{upper}").status_code == 200


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        (f"/v1/trades?supplier={ANNE}", lambda row: row["supplier"] == ANNE),
        (f"/v1/trades?demander={CARA}", lambda row: row["demander"] == CARA),
        ("/v1/trades?name=turning", lambda row: row["name"] == "turning"),
        (f"/v1/trades?token={TOKEN}&since={ORIGIN + 200}", lambda row: row["time"] >= ORIGIN + 200),
        ("/v1/listings?is_open=true", lambda row: int(row["available"]) > 0),
        (f"/v1/listings?resource={MILLING}", lambda row: row["name"] == "milling"),
        ("/v1/escrows?state=closed", lambda row: row["state"] == "closed"),
        ("/v1/log?kind=Delivered", lambda row: row["kind"] == "Delivered"),
        ("/v1/log?since=12&until=14", lambda row: row["block"] in (12, 13)),
        ("/v1/resources?name=milling", lambda row: row["name"] == "milling"),
    ],
)
def test_filters(query: str, holds, client: httpx.Client) -> None:
    rows = client.get(f"{query}&limit=500").json()["rows"]
    whole = client.get(query.partition("?")[0], params={"limit": 500}).json()["rows"]
    assert rows
    assert rows == [row for row in whole if holds(row)]
    assert len(rows) < len(whole) or "token" in query


def test_the_log_is_read_from_either_end(client: httpx.Client) -> None:
    newest = client.get("/v1/log", params={"limit": 500}).json()["rows"]
    oldest = client.get("/v1/log", params={"limit": 500, "order": "oldest"}).json()["rows"]
    assert oldest == newest[::-1]


def test_a_status_is_of_this_moment(client: httpx.Client) -> None:
    answer = client.get("/v1/status")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["head"]["number"] == 50
    assert (answer.json()["state"], answer.json()["lag"]) == ("file", None)
