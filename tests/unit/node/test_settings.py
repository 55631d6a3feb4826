"""What an owner may write, and what each mistake is answered."""

import os
import re
from typing import get_args

import pytest

from fabmarket.identity import Key
from fabmarket.market.delivery import INSTANT
from fabmarket.market.parameters import DAYS, HOURS
from fabmarket.market.products import MOST_LINES
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import market_domain
from fabmarket.market.units import NO_LIMIT, name_to_bytes32
from fabmarket.negotiation.accepting import can_settle
from fabmarket.negotiation.products.plan import Product, Way
from fabmarket.negotiation.products.purchase import Purchase
from fabmarket.node.roles import initial_state, policy_of, resource_of, want_id, with_secrets
from fabmarket.node.settings import (
    BadSettings,
    Role,
    listening,
    parse_product,
    parse_settings,
    read_settings,
    template,
)

ADDRESS = Key.derive("settings tests", "contract").address
ME = Key.derive("settings tests", "me")


def filled(role: str) -> str:
    return template(role).replace('"0x"', f'"{ADDRESS}"')


@pytest.mark.parametrize("role", get_args(Role))
def test_a_template_once_filled_in_is_good(role):
    settings = parse_settings(filled(role), "agent.toml")
    assert settings.role == role
    assert settings.market.board == ADDRESS
    assert listening(settings.door) == ("127.0.0.1", 9100)


@pytest.mark.parametrize("role", get_args(Role))
def test_one_that_is_not_filled_in_says_what_is_missing(role):
    with pytest.raises(
        BadSettings, match=r"^agent.toml: market.exchange: '0x' is no address; give"
    ):
        parse_settings(template(role), "agent.toml")


@pytest.mark.parametrize(
    ("concept", "said", "least"),
    [("clock", "", 5), ("balanced", "", 5), ("bargaining", "", 0), ("clock", "least = 0", 0)],
)
def test_sessions_are_masked_from_five_members_on_and_bargains_never(concept, said, least):
    text = filled("supplier").replace('concept = "clock"', f'concept = "{concept}"')
    settings = parse_settings(re.sub("(?m)^least = .*$", said, text), "agent.toml")
    state = initial_state(settings, ME, market_domain(31337, ADDRESS), Rhythm(0, 60))
    assert state.terms.least == least


def test_a_bargain_that_is_to_be_masked_is_refused():
    text = filled("supplier").replace('concept = "clock"', 'concept = "bargaining"')
    with pytest.raises(BadSettings, match=r"sells.least: a bargain has two parties .* give 0"):
        parse_settings(text, "agent.toml")


def test_a_door_with_a_certificate_has_a_url_that_says_so():
    text = filled("supplier").replace('certificate = ""', 'certificate = "a.pem"')
    text = text.replace('\nkey = ""', '\nkey = "b.pem"')
    with pytest.raises(BadSettings, match=r"door.url: a door with a certificate has one that"):
        parse_settings(text, "agent.toml")
    parsed = parse_settings(text.replace('url = "http://', 'url = "https://'), "agent.toml")
    assert (parsed.door.certificate, parsed.door.key) == ("a.pem", "b.pem")


@pytest.mark.parametrize(
    ("role", "before", "after", "said"),
    [
        ("supplier", "chain_id = 31337", "", "chain.chain_id: the key is missing; add it"),
        ("supplier", "chain_id = 31337", "chain_id = 0", "chain.chain_id: 0 is not from 1"),
        ("supplier", "finality = 0", "finality = -1", "chain.finality: -1 is not from 0"),
        ("supplier", "poll = 1", "poll = 0", "chain.poll: 0 is not from 0.05 to 60"),
        ("supplier", "finality = 0", "final = 0", "chain: 'final' is not a key here"),
        ("supplier", '"http://127.0.0.1:8545"', '"node:8545"', "chain.urls.0: is no URL"),
        ("supplier", '["http://127.0.0.1:8545"]', "[]", "chain.urls"),
        ("supplier", f'token = "{ADDRESS}"', f'token = "{ADDRESS.lower()}"', "is no address"),
        ("supplier", '"127.0.0.1:9100"', '"9100"', "door.listen: '9100' is no host:port"),
        ("supplier", '"127.0.0.1:9100"', '"127.0.0.1:99999"', "is no host:port"),
        ("supplier", '"http://127.0.0.1:9100"', '"127.0.0.1:9100"', "door.url: '127.0.0.1:9100'"),
        ("supplier", '"127.0.0.1:9100"', '""', "door.listen: '' is no host:port"),
        ("supplier", '"http://127.0.0.1:9100"', '""', "door.url: a door that listens has one"),
        (
            "supplier",
            'certificate = ""',
            'certificate = "a.pem"',
            "door: certificate and key belong",
        ),
        ("supplier", '\nkey = ""', '\nkey = "a.pem"', "door: certificate and key belong together"),
        ("supplier", "announced_a_day = 500", "announced_a_day = -1", "announced_a_day: -1 is not"),
        ("supplier", "slot_length = 86400", "slot_length = 0", "calendar.slot_length: 0 is not"),
        ("supplier", 'role = "supplier"', 'role = "demander"', "sells: a supplier has this table"),
        ("supplier", 'role = "supplier"', 'role = "broker"', "role"),
        ("supplier", 'role = "supplier"', 'role = "operator"', "an operator has none"),
        ("operator", 'role = "operator"', 'role = "demander"', "calendar: suppliers and demand"),
        ("supplier", 'resource = "S"', 'resource = ""', "sells.resource: '' is no resource"),
        ("supplier", "maintenance = 10", "maintenance = 1.5", "sells.maintenance"),
        ("supplier", "maintenance = 10", "maintenance = -1", "sells.maintenance: -1 is not"),
        ("supplier", "step = 4", "step = 0", "sells.step: 0 is not from 1"),
        ("supplier", '"clock"', '"auction"', "sells.concept: 'auction' is none; use one of"),
        ("supplier", "a = 0.8", "a = 0.1", "a = 0.1 and b = 0.2; 0 < b < a is needed"),
        ("demander", "quantity = 10", "quantity = 0", "wants.0.alternatives.0.quantity: 0 is not"),
        ("demander", "benefit = 100", "benefit = 44", "alternatives.0.benefit: 44 is not from 45"),
        (
            "demander",
            'name = "milling"',
            'name = "milling "',
            "wants.0.name: 'milling ' is no name",
        ),
        ("demander", 'name = "milling"', r'name = "\u0000"', r"wants.0.name: '\x00' is no name"),
        ("supplier", 'resource = "S"', 'resource = "S "', "sells.resource: 'S ' is no resource"),
        ("demander", "releases = 20", "releases = 0", "releases: 0 is not from 1"),
        ("demander", "[[wants]]", "[wants", "agent.toml:"),
        ("supplier", "bond_share = 1000", "bond_share = 10001", "bond_share: 10001 is not from"),
        ("supplier", "late_share = 0", "late_share = -1", "sells.delivery.late_share: -1 is not"),
        ("supplier", "exit_penalty = 5000", "", "sells.delivery.exit_penalty: the key is missing"),
        ("supplier", "[sells]", "[accepts]\n[sells]", "accepts: a demander has this table"),
        ("demander", "longest = 2592000", "longest = -1", "accepts.longest: -1 is not from 0"),
        ("demander", "instant = false", "instant = 1", "accepts.instant"),
        ("supplier", "least = 5", "least = 2", "sells.least: 2 is not from 3"),
        ("supplier", "least = 5", "least = 1001", "sells.least: 1001 is not from 3 to 1000"),
        ("supplier", "partners = []", "least = 6", "a supplier has sells.least"),
        ("supplier", "partners = []", "open = false", "a supplier has sells.least"),
        ("demander", "least = 5", "least = 2", "policy.least: 2 is not from 3"),
        (
            "demander",
            "acknowledge = false",
            "refund_uncovered = true",
            "policy.refund_uncovered: is a supplier's",
        ),
    ],
)
def test_a_mistake_is_refused_by_the_key_and_the_value(role, before, after, said):
    text = filled(role)
    assert before in text
    with pytest.raises(BadSettings) as refused:
        parse_settings(text.replace(before, after, 1), "agent.toml")
    assert said in str(refused.value)


def test_whoever_has_no_door_leaves_its_place_empty_or_out():
    text = filled("supplier")
    empty = text.replace('"127.0.0.1:9100"', '""').replace('"http://127.0.0.1:9100"', '""')
    before, _, after = text.partition("[door]")
    left_out = before + after[after.index("[calendar]") :]
    for each in (empty, left_out):
        door = parse_settings(each, "agent.toml").door
        assert (door.listen, door.url, door.announced_a_day) == ("", "", 500)


def test_a_url_s_secret_is_not_shown():
    text = filled("supplier").replace("http://127.0.0.1:8545", "htp://me:secret@node")
    with pytest.raises(BadSettings) as refused:
        parse_settings(text, "agent.toml")
    assert "secret" not in str(refused.value)


def test_two_wants_of_one_name_are_refused():
    text = filled("demander")
    second = text[text.index("[[wants]]") :]
    with pytest.raises(BadSettings, match="two have one name"):
        parse_settings(f"{text}\n{second}", "agent.toml")


def test_where_there_are_none_the_remedy_is_said(tmp_path):
    with pytest.raises(BadSettings, match="there are no settings; run `fabmarket init` first"):
        read_settings(tmp_path)


def test_a_pipe_in_their_place_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "agent.toml")
    with pytest.raises(BadSettings, match=r"agent\.toml: is no file; put the settings there"):
        read_settings(tmp_path)


def test_ipv6_and_all_networks():
    text = filled("supplier").replace('"127.0.0.1:9100"', '"[::]:9100"', 1)
    assert listening(parse_settings(text, "agent.toml").door) == ("::", 9100)


def test_a_demander_begins_with_its_wants():
    settings = parse_settings(filled("demander").replace("quantity = 10", ""), "agent.toml")
    domain = market_domain(31337, ADDRESS)
    state = initial_state(settings, ME, domain, Rhythm(0, 60))
    (want,) = state.in_order()
    (choice,) = want.choices
    assert want.id == want_id("milling", ME.address)
    assert (want.start, want.end) == (1767225600, 1767225600 + 86400)
    assert (choice.resource, choice.quantity, choice.margin) == (name_to_bytes32("S"), NO_LIMIT, 55)
    assert (state.rounds_left, state.token, resource_of(settings)) == (20, ADDRESS, bytes(32))


def test_a_supplier_begins_with_its_price_rule():
    settings = parse_settings(filled("supplier"), "agent.toml")
    state = initial_state(settings, ME, market_domain(31337, ADDRESS), Rhythm(0, 60))
    terms = state.terms
    assert (terms.demand_weight, terms.supply_weight, terms.maintenance) == (800_000, 200_000, 10)
    assert resource_of(settings) == state.resource == name_to_bytes32("S")


def test_what_a_supplier_gives_back_is_its_owner_s_to_say():
    text = filled("supplier")
    given = text.replace("refund_uncovered = false", "refund_uncovered = true")
    policies = [policy_of(parse_settings(each, "s")) for each in (text, given)]
    assert [policy.refund_uncovered for policy in policies] == [False, True]


def test_one_resource_twice_in_a_want_is_refused():
    text = filled("demander")
    second = text[text.index("[[wants.alternatives]]") :]
    settings = parse_settings(f"{text}\n{second}", "agent.toml")
    with pytest.raises(BadSettings, match="names one resource twice"):
        initial_state(settings, ME, market_domain(31337, ADDRESS), Rhythm(0, 60))


def test_terms_of_delivery_of_a_new_agent_fit_markets_of_hours_and_of_days():
    """What a new supplier offers a new demander accepts, and both deployments take."""
    rhythm, domain = Rhythm(0, 60), market_domain(1, ADDRESS)
    selling, buying = (
        initial_state(parse_settings(filled(role), role), ME, domain, rhythm)
        for role in ("supplier", "demander")
    )
    assert buying.accepts.takes(selling.delivery)
    assert not buying.accepts.takes(INSTANT)
    for length in (60, 3_600, 86_400):
        for parameters in (HOURS, DAYS):
            assert can_settle(selling.delivery, 10**9 - length, 10**9, parameters, 10**9 - 9_999)


def test_without_its_table_a_supplier_is_paid_at_once_and_a_demander_is_careful():
    supplier = filled("supplier").split("[sells.delivery]")[0]
    before, _, after = filled("demander").partition("[accepts]")
    demander = before + after[after.index("[[wants]]") :]
    rhythm, domain = Rhythm(0, 60), market_domain(1, ADDRESS)
    assert initial_state(parse_settings(supplier, "s"), ME, domain, rhythm).delivery == INSTANT
    bare, full = (
        initial_state(parse_settings(text, "d"), ME, domain, rhythm).accepts
        for text in (demander, filled("demander"))
    )
    assert bare == full


def with_product(text: str = "") -> str:
    """The settings of a demander with the product of the template, as its comment says."""
    head, mark, product = (text or filled("demander")).partition("# [[products]]")
    return head + "\n".join(line.removeprefix("# ") for line in (mark + product).split("\n"))


def test_the_product_of_the_template_is_bought_once_its_comment_is_taken_off():
    settings = parse_settings(with_product(), "agent.toml")
    state = initial_state(settings, ME, market_domain(31337, ADDRESS), Rhythm(0, 60))
    (purchase,) = state.purchases.values()
    begun = 1767225600
    assert purchase == Purchase(
        Product(
            id=want_id("bracket", ME.address),
            steps=((Way(name_to_bytes32("S"), 10),),),
            release=begun + 86400,
            due=begun + 5 * 86400,
            last=begun + 9 * 86400,
            value=5000,
            lateness=100,
            late_every=86400,
        ),
        cycles=20,
    )


def test_a_demander_may_want_products_alone():
    text = with_product()
    only = text[: text.index("[[wants]]")] + text[text.index("[[products]]") :]
    assert parse_settings(only, "agent.toml").wants == []


def test_without_due_a_product_is_never_late():
    text = re.sub(r"\ndue = .*", "", with_product())
    state = initial_state(parse_settings(text, "d"), ME, market_domain(1, ADDRESS), Rhythm(0, 60))
    (purchase,) = state.purchases.values()
    assert purchase.product.due == purchase.product.last


def test_what_secrets_are_drawn_from_is_chance_alone():
    text = filled("demander").replace('coordinator = ""', f'coordinator = "{ADDRESS}"')
    settings = parse_settings(text, "agent.toml")
    first = initial_state(settings, ME, market_domain(1, ADDRESS), Rhythm(0, 60))
    assert first.source == first.net.source == b""
    chances = (b"1" * 32, b"2" * 32)
    begun = [with_secrets(first, chance) for chance in chances]
    sources = {each for state in begun for each in (state.source, state.net.source)}
    assert {len(each) for each in sources} == {32}
    assert len({*sources, *chances}) == 6
    assert with_secrets(first, chances[0]) == begun[0]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("value = 5000", "value = -1", "products.0.value: -1 is not from 0"),
        ("value = 5000", "", "products.0.value: the key is missing; add it"),
        ("lateness = 100", "lateness = 1.5", "products.0.lateness"),
        ("release = 1 ", "release = -1 ", "products.0.release: -1 is not from 0"),
        ("due = 4", "due = 9", "products.0.due: 9 is not from 1 to 8"),
        ("due = 4", "due = 0", "products.0.due: 0 is not from 1 to 8"),
        ("last = 8", "last = 0", "products.0.last: 0 is not from 1"),
        ("cycles = 20", "cycles = 0", "products.0.cycles: 0 is not from 1"),
        ("cycles = 20", "tries = 20", "'tries' is not a key here"),
        ('name = "bracket"', 'name = "milling"', "or one and a want, have one name"),
        ('name = "bracket"', 'name = " bracket"', "products.0.name: ' bracket' is no name"),
        ("[[products.operations]]", "[[products.steps]]", "'steps' is not a key here"),
    ],
)
def test_a_mistake_in_a_product_is_refused_by_the_key_and_the_value(before, after, said):
    text = with_product()
    assert before in text
    with pytest.raises(BadSettings) as refused:
        parse_settings(text.replace(before, after, 1), "agent.toml")
    assert said in str(refused.value)


OPERATION = """
[[products.operations]]
name = "{name}"
[[products.operations.alternatives]]
resource = "{resource}"
quantity = {quantity}
"""
WAY = """
[[products.operations.alternatives]]
resource = "S"
quantity = 4
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (OPERATION.format(name="milling", resource="T", quantity=1), "operations: two have one"),
        (OPERATION.format(name="b", resource="T" * 32, quantity=1), "operations.1.alternatives.0"),
        (OPERATION.format(name="b", resource="T", quantity=0), "quantity: 0 is not from 1"),
        (WAY, "products.0.operations.0: 'milling' names one resource twice; give each once"),
        (
            "".join(OPERATION.format(name=at, resource="T", quantity=1) for at in range(8)),
            "products.0.last: 8 leaves fewer slots from release 1 on than the 9 operations; give 9",
        ),
        (
            "".join(
                OPERATION.format(name=at, resource="T", quantity=1) for at in range(MOST_LINES)
            ),
            f"products.0.operations: their number: {MOST_LINES + 1} is not from 1 to",
        ),
    ],
)
def test_a_mistake_in_an_operation_is_refused(more, said):
    with pytest.raises(BadSettings) as refused:
        parse_settings(with_product() + more, "agent.toml")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "change", [("slot = 0", f"slot = {2**32}"), ("last = 8", f"last = {2**32}")]
)
def test_what_ends_beyond_the_contract_s_time_is_refused(change):
    text = with_product().replace(*change).replace("slot_length = 86400", f"slot_length = {2**32}")
    settings = parse_settings(text, "agent.toml")
    with pytest.raises(BadSettings, match=f"slot {2**32} ends too late for the contract"):
        initial_state(settings, ME, market_domain(31337, ADDRESS), Rhythm(0, 60))


def product_text() -> str:
    text = with_product()
    return text[text.index("[[products]]") :]


def test_a_file_has_one_product_as_the_settings_have_it():
    table = parse_product(product_text(), "bracket.toml")
    assert table == parse_settings(with_product(), "agent.toml").products[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "bracket.toml: products: the key is missing; add it"),
        (product_text() * 2, "bracket.toml: products: there are 2; give a file to each"),
        (product_text().replace("last = 8", "last = 0"), "bracket.toml: products.0.last: 0 is"),
        ("[[products", "bracket.toml:1:"),
    ],
)
def test_a_file_with_something_else_is_refused(text, said):
    with pytest.raises(BadSettings) as refused:
        parse_product(text, "bracket.toml")
    assert str(refused.value).startswith(said)
