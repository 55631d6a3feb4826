"""What an owner may write, and what each mistake is answered."""

import pytest

from fabmarket.identity import Key
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import market_domain
from fabmarket.market.units import NO_LIMIT, name_to_bytes32
from fabmarket.node.roles import initial_state, resource_of, want_names
from fabmarket.node.settings import BadSettings, listening, parse_settings, read_settings, template

ADDRESS = Key.derive("settings tests", "contract").address
ME = Key.derive("settings tests", "me").address


def filled(role: str) -> str:
    return template(role).replace('"0x"', f'"{ADDRESS}"')


@pytest.mark.parametrize("role", ["supplier", "demander"])
def test_a_template_once_filled_in_is_good(role):
    settings = parse_settings(filled(role), "agent.toml")
    assert settings.role == role
    assert settings.market.board == ADDRESS
    assert listening(settings.door) == ("127.0.0.1", 9100)


@pytest.mark.parametrize("role", ["supplier", "demander"])
def test_one_that_is_not_filled_in_says_what_is_missing(role):
    with pytest.raises(
        BadSettings, match=r"^agent.toml: market.exchange: '0x' is no address; give"
    ):
        parse_settings(template(role), "agent.toml")


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
        ("supplier", "slot_length = 86400", "slot_length = 0", "calendar.slot_length: 0 is not"),
        ("supplier", 'role = "supplier"', 'role = "demander"', "sells: a supplier has this table"),
        ("supplier", 'role = "supplier"', 'role = "broker"', "role"),
        ("supplier", 'resource = "S"', 'resource = ""', "sells.resource: '' is no resource"),
        ("supplier", "maintenance = 10", "maintenance = 1.5", "sells.maintenance"),
        ("supplier", "maintenance = 10", "maintenance = -1", "sells.maintenance: -1 is not"),
        ("supplier", '"balanced"', '"auction"', "sells.concept: 'auction' is none; use one of"),
        ("supplier", "a = 0.8", "a = 0.1", "a = 0.1 and b = 0.2; 0 < b < a is needed"),
        ("demander", "quantity = 10", "quantity = 0", "wants.0.alternatives.0.quantity: 0 is not"),
        ("demander", "benefit = 100", "benefit = 44", "alternatives.0.benefit: 44 is not from 45"),
        ("demander", "releases = 20", "releases = 0", "releases: 0 is not from 1"),
        ("demander", "[[wants]]", "[wants", "agent.toml:"),
    ],
)
def test_a_mistake_is_refused_by_the_key_and_the_value(role, before, after, said):
    text = filled(role)
    assert before in text
    with pytest.raises(BadSettings) as refused:
        parse_settings(text.replace(before, after, 1), "agent.toml")
    assert said in str(refused.value)


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


def test_ipv6_and_all_networks():
    text = filled("supplier").replace('"127.0.0.1:9100"', '"[::]:9100"', 1)
    assert listening(parse_settings(text, "agent.toml").door) == ("::", 9100)


def test_a_demander_begins_with_its_wants():
    settings = parse_settings(filled("demander").replace("quantity = 10", ""), "agent.toml")
    domain = market_domain(31337, ADDRESS)
    state = initial_state(settings, ME, domain, Rhythm(0, 60))
    (want,) = state.in_order()
    (choice,) = want.choices
    assert want_names(settings, ME) == {want.id: "milling"}
    assert (want.start, want.end) == (1767225600, 1767225600 + 86400)
    assert (choice.resource, choice.quantity, choice.margin) == (name_to_bytes32("S"), NO_LIMIT, 55)
    assert (state.rounds_left, state.token, resource_of(settings)) == (20, ADDRESS, bytes(32))


def test_a_supplier_begins_with_its_price_rule():
    settings = parse_settings(filled("supplier"), "agent.toml")
    state = initial_state(settings, ME, market_domain(31337, ADDRESS), Rhythm(0, 60))
    terms = state.terms
    assert (terms.demand_weight, terms.supply_weight, terms.maintenance) == (800_000, 200_000, 10)
    assert resource_of(settings) == state.resource == name_to_bytes32("S")


def test_one_resource_twice_in_a_want_is_refused():
    text = filled("demander")
    second = text[text.index("[[wants.alternatives]]") :]
    settings = parse_settings(f"{text}\n{second}", "agent.toml")
    with pytest.raises(BadSettings, match="names one resource twice"):
        initial_state(settings, ME, market_domain(31337, ADDRESS), Rhythm(0, 60))
