"""What an owner reads and orders over HTTP, by each verb, and what is refused."""

from contextlib import closing

import pytest

from fabmarket.api.own.verbs import Verb
from fabmarket.api.served import Served
from fabmarket.cli.commands import SECTIONS
from fabmarket.identity import keccak
from fabmarket.market.exchange import Deliver, Dispute, List, RaiseEpoch, Refund, Unlist, Withdraw
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY
from fabmarket.negotiation.duties import Ask, Decline, Endorse, Judge, Show
from fabmarket.negotiation.orders import (
    AddProduct,
    AddWant,
    AgreeSplit,
    AnswerUsage,
    DropWant,
    PayIn,
    ReportUsage,
)
from fabmarket.node import Journal
from fabmarket.node.entry import token_of
from fabmarket.node.owner import Owner
from fabmarket.node.placed import verb_of
from fabmarket.node.roles import want_id
from fabmarket.node.settings import EVIDENCE, JOURNAL
from tests.serving import serving
from tests.unit.node.council import LENGTH, ORIGIN, Council
from tests.unit.node.office import Office

SHARES = {"payment_share": "50%", "bond_share": "0%", "deposit_share": "10000bp"}


class Reached:
    """An office, and its owner's client."""

    def __init__(self, office, client):
        self.office, self.client = office, client
        client.headers["Authorization"] = f"Bearer {token_of(office.folder)}"

    def read(self, path, **query):
        answer = self.client.get(f"/v1/own/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def order(self, verb, **said):
        """The order as the journal has it."""
        answer = self.client.post("/v1/own/orders", json={"verb": verb, **said})
        assert answer.status_code == 202, answer.text
        assert answer.headers["location"] == f"/v1/own/orders/{answer.json()['order']}"
        return self.office.orders()[answer.json()["order"] - 1]

    def refused(self, verb, **said):
        answer = self.client.post("/v1/own/orders", json={"verb": verb, **said})
        assert answer.status_code in (404, 422), answer.text
        return answer.json()["error"]


@pytest.fixture
def serve(ledger):
    """Serve the directories of people in a council."""
    opened = []

    def start(council, folder, name):
        office = Office(council, folder / name, name)
        token_of(office.folder)
        serves = serving(Served(ledger, agent=office.folder))
        opened.append(serves)
        return Reached(office, serves.__enter__())

    yield start
    for each in reversed(opened):
        each.__exit__(None, None, None)


@pytest.fixture
def council():
    return Council()


@pytest.fixture
def trade(council):
    """Three units in escrow whose slot has begun."""
    key = council.escrowed()
    council.wait(ORIGIN + 10 - council.now)
    return f"0x{key.hex()}"


def test_a_demander_orders_by_json_what_its_commands_order(council, tmp_path, serve):
    bea = serve(council, tmp_path, "bea")
    owner = Owner(bea.office.folder)
    token, address = owner.token, owner.address
    assert bea.order("deposit", amount="700") == PayIn(token, 700)
    assert bea.order("deposit", amount=LARGEST_AMOUNT.__str__()) == PayIn(token, LARGEST_AMOUNT)
    assert bea.order("withdraw", amount=3) == Withdraw(token, 3, address)
    ways = [{"resource": "mill", "quantity": 2, "benefit": "90", "cost": 10}]
    want = bea.order("want", name="mine", slot=1, alternatives=ways)
    assert isinstance(want, AddWant)
    assert (want.name, want.want.start, want.want.choices[0].margin) == (
        "mine",
        ORIGIN + LENGTH,
        80,
    )
    steps = [{"name": "mill it", "alternatives": [{"resource": "mill", "quantity": 2}]}]
    product = bea.order("product", name="part", value=500, last=3, operations=steps)
    assert isinstance(product, AddProduct)
    assert (product.operations, product.cycles, product.product.value) == (("mill it",), 20, 500)
    assert bea.order("cancel", want="mine") == DropWant(want_id("mine", address))
    assert bea.order("cancel", all=True) == RaiseEpoch(token)
    assert [each["order"] for each in bea.read("orders")["rows"]] == [
        "cancel",
        "cancel",
        "product",
        "want",
        "withdraw",
        "deposit",
        "deposit",
    ]
    assert bea.read("orders/4") == {
        "number": 4,
        "order": "want",
        "about": "mine",
        "state": "waiting",
        "reason": "",
        "taken": None,
        "block": None,
        "transaction": None,
    }
    first = bea.read("orders", limit=3)
    assert first["next"] == 5
    assert [each["number"] for each in bea.read("orders", before=5, limit=3)["rows"]] == [4, 3, 2]
    assert bea.read("orders", before=2)["next"] is None


def test_parties_of_a_trade_order_its_steps(council, trade, tmp_path, serve):
    sam, bea = serve(council, tmp_path, "sam"), serve(council, tmp_path, "bea")
    digits, key = trade[:10], bytes.fromhex(trade[2:])
    assert sam.order("report", trade=digits, units=2, note="half") == ReportUsage(
        key, 2, None, "half"
    )
    assert sam.order("deliver", trade=digits, quantity="2").quantity == 2
    assert isinstance(sam.order("deliver", trade=digits), Deliver)
    assert isinstance(sam.order("refund", trade=digits), Refund)
    assert sam.order("list", slot=3, quantity=5) == List(sam.office.orders()[-1].reports)
    assert bea.order("acknowledge", trade=digits) == AnswerUsage(key, accepted=True)
    assert bea.order("object", trade=digits, reason="none came").note == "none came"
    split = bea.order("split", trade=digits, to_demander="0", days=2)
    assert isinstance(split, AgreeSplit)
    assert (split.to_demander, split.to_supplier > 0) == (0, True)
    for verb in ("accept", "expire", "execute", "void"):
        assert verb_of(bea.order(verb, trade=digits)) == verb
    (held,) = bea.read("status")["status"]["escrows"]
    assert (held["trade"], held["role"], held["quantity"]) == (trade, "demander", "3")


def test_a_supplier_asks_and_an_operator_signs_refuses_and_rules(council, tmp_path, serve):
    council.registered()
    key = council.asked(10, 12, first_slot=1)
    ada, sam = serve(council, tmp_path, "ada"), serve(council, tmp_path, "sam")
    asked = sam.order("ask", slot=3, quantities=[10, "0"])
    assert asked == Ask(3, (10, 0), ORIGIN + 5 * LENGTH)
    (request,) = ada.read("requests")
    assert (request["request"], request["quantities"]) == (f"0x{key.hex()}", ["10", "12"])
    assert ada.order("attest", request=request["request"]) == Endorse((key,))
    assert ada.order("refuse", request=request["request"], reason="three") == Decline(key, "three")
    assert "there is no dispute" in ada.refused("rule", trade="0x1", **SHARES)["message"]
    assert "nothing of slot 4 is for sale" in sam.refused("unlist", slot=4)["message"]
    assert not any(isinstance(each, Unlist) for each in sam.office.orders())
    assert (
        "an operator's directory" in sam.client.get("/v1/own/requests").json()["error"]["message"]
    )


def test_evidence_is_sent_as_a_file_kept_under_its_hash_and_shown(council, trade, tmp_path, serve):
    sam, bea = serve(council, tmp_path, "sam"), serve(council, tmp_path, "bea")
    council.people["sam"].order(sam.order("deliver", trade=trade))
    council.carry()
    bea.office.bring()
    name = "../../../journal.sqlite"
    sent = bea.client.post(
        f"/v1/own/trades/{trade[:12]}/dispute", files={"evidence": (name, b"two are cracked")}
    )
    assert sent.status_code == 202, sent.text
    digest = f"0x{keccak(b'two are cracked').hex()}"
    dispute = bea.office.orders()[-1]
    assert isinstance(dispute, Dispute)
    assert f"0x{dispute.evidence.hex()}" == digest
    assert [each.name for each in (bea.office.folder / EVIDENCE).iterdir()] == [digest]
    assert [each["hash"] for each in bea.read("files")] == [digest]
    assert bea.client.get(f"/v1/own/files/{digest}").content == b"two are cracked"
    empty = bea.client.post(f"/v1/own/trades/{trade}/dispute", files={"evidence": ("a", b"")})
    assert (empty.status_code, "a: is empty" in empty.text) == (422, True)
    none = bea.client.post(f"/v1/own/trades/{trade}/show", files={"evidence": ("a", b"b")})
    assert (none.status_code, "there is no dispute" in none.text) == (404, True)


def test_an_operator_reads_what_was_shown_and_rules(council, tmp_path, serve):
    trade = f"0x{council.disputed().hex()}"
    bea = serve(council, tmp_path, "bea")
    sent = bea.client.post(f"/v1/own/trades/{trade}/show", files={"evidence": ("a.png", b"photo")})
    assert sent.status_code == 202, sent.text
    show = bea.office.orders()[-1]
    assert isinstance(show, Show)
    assert (show.exhibit.file, show.exhibit.place) == (b"photo", "")
    council.people["bea"].order(show)
    council.carry()
    ada = serve(council, tmp_path, "ada")
    (dispute,) = ada.read("disputes")
    assert dispute["shown"][0]["as_disputed"]
    (file,) = ada.read("files")
    assert (file["trade"], file["party"]) == (trade, dispute["demander"])
    assert ada.client.get(f"/v1/own/files/{file['hash']}").content == b"photo"
    ruling = ada.order("rule", trade=trade[:8], **SHARES)
    assert ruling == Judge(bytes.fromhex(trade[2:]), 5_000, 0, 10_000)


NO_ORDERS = [
    ({"verb": "bribe"}, "body"),
    ({}, "body"),
    ({"verb": "deposit"}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": 0}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": 1.0}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": True}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": "1e3"}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": "05"}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": "٣"}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": 2**53}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": str(LARGEST_AMOUNT + 1)}, "body.deposit.amount"),
    ({"verb": "deposit", "amount": "1", "to": "x"}, "body.deposit.to"),
    ({"verb": "list", "slot": -1, "quantity": 1}, "body.list.slot"),
    ({"verb": "list", "slot": 1, "quantity": str(LARGEST_QUANTITY + 1)}, "body.list.quantity"),
    ({"verb": "accept", "trade": "3f"}, "body.accept.trade"),
    ({"verb": "accept", "trade": "0x../.."}, "body.accept.trade"),
    ({"verb": "cancel"}, "body.cancel"),
    ({"verb": "cancel", "want": "a", "all": True}, "body.cancel"),
    ({"verb": "approve"}, "body.approve"),
]


def test_what_is_no_order_is_refused_by_its_field_and_places_nothing(council, tmp_path, serve):
    bea = serve(council, tmp_path, "bea")
    for said, field in NO_ORDERS:
        answer = bea.client.post("/v1/own/orders", json=said)
        assert (said, answer.status_code) == (said, 422)
        assert (said, answer.json()["error"]["field"]) == (said, field)
    assert bea.office.orders() == []


@pytest.mark.parametrize(
    "name", ["a\0b", "\u202egnillim", "\x1b[2J", "milling ", "  milling", "a  b"]
)
def test_regression_what_is_bought_has_a_name_that_can_be_read(name, council, tmp_path, serve):
    """Two wants called so were bought, and their names stood raw on the owner's pages."""
    bea = serve(council, tmp_path, "bea")
    ways = [{"resource": "mill", "quantity": 2, "benefit": 90}]
    want = bea.refused("want", name=name, slot=1, alternatives=ways)
    assert want["message"].startswith("want.name: ")
    steps = [{"name": "mill it", "alternatives": [{"resource": "mill", "quantity": 2}]}]
    said = {"name": "part", "value": 500, "last": 3, "operations": steps}
    assert "product.name: " in bea.refused("product", **{**said, "name": name})["message"]
    steps[0]["name"] = name
    assert "product.operations.0.name: " in bea.refused("product", **said)["message"]
    assert bea.office.orders() == []


def test_a_repeated_request_places_one_order_and_another_under_its_key_none(
    council, tmp_path, serve
):
    bea = serve(council, tmp_path, "bea")
    headers = {"Idempotency-Key": "one"}
    said = {"verb": "deposit", "amount": "70"}
    again = [bea.client.post("/v1/own/orders", json=said, headers=headers) for _ in range(3)]
    assert [(each.status_code, each.json()["order"]) for each in again] == [(202, 1)] * 3
    other = bea.client.post(
        "/v1/own/orders", json={"verb": "deposit", "amount": "71"}, headers=headers
    )
    assert (other.status_code, other.json()["error"]["code"]) == (409, "conflict")
    second = bea.client.post("/v1/own/orders", json=said, headers={"Idempotency-Key": "two"})
    assert second.json()["order"] == 2
    assert len(bea.office.orders()) == 2


def test_two_at_once_under_one_key_are_one_order(council, tmp_path):
    office = Office(council, tmp_path / "bea", "bea")
    with closing(Journal(office.folder / JOURNAL)) as one:
        assert one.place(b"a", b"key", b"said") == 1
        assert one.place(b"b", b"key", b"said") == 1
        assert len(one.placed()) == 1


def test_a_want_that_may_cost_too_much_waits_for_its_owner(council, tmp_path, serve):
    bea = serve(council, tmp_path, "bea")
    settings = bea.office.folder / "agent.toml"
    settings.write_text(
        settings.read_text().replace("approve_above = 1000000", "approve_above = 100")
    )
    said = {"verb": "want", "name": "dear", "slot": 1}
    way = {"resource": "mill", "quantity": 2, "benefit": 90}
    for quantity, waits in ((2, True), (1, False)):
        ways = [{**way, "quantity": quantity}]
        answer = bea.client.post("/v1/own/orders", json={**said, "alternatives": ways})
        assert answer.json()["waits_for_approval"] == waits


def test_what_is_told_and_seen_of_a_party(council, trade, tmp_path, serve):
    bea = serve(council, tmp_path, "bea")
    exposure = bea.read("exposure")
    public = {each["kind"]: each["count"] for each in exposure["anybody"]}
    assert public["Escrowed"] == 1
    assert public["Deposited"] >= 1
    assert exposure["stays"]


def test_a_body_of_brackets_is_refused_and_the_server_lives(council, tmp_path, serve):
    bea = serve(council, tmp_path, "bea")
    deep = bea.client.post("/v1/own/orders", content=b"[" * 200_000)
    assert deep.status_code in (413, 422)
    assert bea.read("status")["role"] == "demander"
    large = bea.client.post("/v1/own/orders", content=b'"' + b"a" * (300 << 10) + b'"')
    assert large.status_code == 413
    assert bea.office.orders() == []


def test_bodies_that_are_no_json_or_say_a_key_twice_are_refused(council, tmp_path, serve):
    bea = serve(council, tmp_path, "bea")
    kind = {"Content-Type": "application/json"}
    for body in (b"\xff", b"{", b'{"verb": "deposit", "amount": "1", "amount": "2"}', b""):
        answer = bea.client.post("/v1/own/orders", content=body, headers=kind)
        assert (body, answer.status_code) == (body, 422)
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = bea.client.post("/v1/own/trades/0x1/show", content=b"--y", headers=kind)
    assert answer.status_code == 422
    assert bea.office.orders() == []


def test_a_query_says_nothing_unknown_and_nothing_twice(council, tmp_path, serve):
    bea = serve(council, tmp_path, "bea")
    for query in ("status?x=1", "orders/1?limit=1", "orders?x=1", "orders?limit=1&limit=2"):
        answer = bea.client.get(f"/v1/own/{query}")
        assert (query, answer.status_code) == (query, 422)
        assert answer.json()["error"]["field"].startswith("query.")


def test_every_verb_is_a_command_of_its_name():
    models = Verb.__origin__.__args__
    verbs = {each.model_fields["verb"].annotation.__args__[0] for each in models}
    commands = {name for section in SECTIONS.values() for name in section}
    assert verbs <= commands
    assert commands - verbs >= {"dispute", "show"}  # which come with a file


def test_an_agent_that_was_never_started_says_so(council, tmp_path, serve):
    bea = serve(council, tmp_path, "bea")
    (bea.office.folder / JOURNAL).unlink()
    answer = bea.client.get("/v1/own/status")
    assert answer.status_code == 422
    assert "the agent has not been started yet" in answer.json()["error"]["message"]


def test_regression_the_bound_of_an_order_s_amount_is_told_to_its_last_digit(
    council, tmp_path, serve
):
    """It was told rounded, 340282366920938500000000000000000000000."""
    bea = serve(council, tmp_path, "bea")
    said = bea.refused("deposit", amount=str(2**128))["message"]
    assert said.endswith(f": Input should be from 1 to {2**128 - 1}")
    assert "should be from 1 to" in bea.refused("deposit", amount=0)["message"]
    assert bea.office.orders() == []
