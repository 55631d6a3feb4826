"""What else would mean the same as a text is refused, and the refusal names the field."""

import json
import sys
from dataclasses import dataclass

import pytest

from fabmarket.errors import Bug
from fabmarket.identity import Key
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.market.exchange import RaiseEpoch, Relay
from fabmarket.market.messages import Alternative, Demand, Refusal, Reply, SubTask
from fabmarket.market.trade import Intent
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.nonces import Nonces

ANNE = Key.derive("anne").address
DEMAND = Demand(
    demander=ANNE,
    sequence=7,
    offers_until=100,
    opens=115,
    sub_tasks=(SubTask(b"t" * 32, 0, 60, True, (Alternative(b"r" * 32, 5),)),),
)
TEXT = encode(DEMAND)


def test_the_text_is_what_the_module_says():
    assert TEXT.decode() == (
        '{"demander":"' + ANNE + '","sequence":"7","offers_until":"100","opens":"115",'
        '"sub_tasks":[{"id":"0x' + "74" * 32 + '","start":"0","end":"60",'
        '"divisible":true,"alternatives":[{"resource":"0x' + "72" * 32 + '","quantity":"5"}]}]}'
    )
    assert decode(Demand, TEXT) == DEMAND


def changed(old, new):
    text = TEXT.decode()
    assert text.count(old) == 1
    return text.replace(old, new).encode()


WRONG = {
    "leading zero": (('"sequence":"7"', '"sequence":"07"'), "Demand.sequence: '07'"),
    "plus": (('"sequence":"7"', '"sequence":"+7"'), "Demand.sequence: '+7'"),
    "space in a number": (('"sequence":"7"', '"sequence":" 7"'), "Demand.sequence: ' 7'"),
    "underscore": (('"sequence":"7"', '"sequence":"1_0"'), "Demand.sequence: '1_0'"),
    "other digits": (('"sequence":"7"', '"sequence":"٧"'), "Demand.sequence: '٧'"),
    "minus zero": (('"start":"0"', '"start":"-0"'), "Demand.sub_tasks[0].start: '-0'"),
    "negative": (('"opens":"115"', '"opens":"-1"'), "Demand.opens: '-1' where a uint64"),
    "too large": (
        ('"opens":"115"', f'"opens":"{2**64}"'),
        "Demand.opens: '18446744073709551616' where a uint64",
    ),
    "bare number": (('"opens":"115"', '"opens":115'), "Demand.opens: 115"),
    "fraction": (('"opens":"115"', '"opens":115.0'), "Demand.opens: 115.0"),
    "null": (('"opens":"115"', '"opens":null'), "Demand.opens: None"),
    "number for a flag": (
        ('"divisible":true', '"divisible":1'),
        "Demand.sub_tasks[0].divisible: 1 where true or false",
    ),
    "upper case": (
        ("0x" + "72" * 32, "0x" + "7A" * 32),
        "Demand.sub_tasks[0].alternatives[0].resource: '0x7A",
    ),
    "0X": (("0x" + "72" * 32, "0X" + "72" * 32), "alternatives[0].resource: '0X72"),
    "no 0x": (("0x" + "72" * 32, "72" * 32), "alternatives[0].resource: '7272"),
    "spaced bytes": (("0x" + "72" * 32, "0x" + "72 " * 32), "alternatives[0].resource: '0x72 "),
    "half a byte": (("0x" + "72" * 32, "0x" + "7"), "alternatives[0].resource: '0x7'"),
    "31 bytes": (("0x" + "72" * 32, "0x" + "72" * 31), "where a bytes32 is due"),
    "address in lower case": ((ANNE, ANNE.lower()), f"Demand.demander: '{ANNE.lower()}'"),
    "address with one letter wrong": ((ANNE, ANNE.swapcase()), "Demand.demander: "),
    "no address": ((ANNE, "anne"), "Demand.demander: 'anne' where a address is due"),
    "object for an array": (('"alternatives":[{', '"alternatives":{"a":{'), "not JSON"),
    "unknown field": (('"opens":', '"late":"1","opens":'), "Demand: fields ['late'] are unknown"),
    "missing field": (('"sequence":"7",', ""), "Demand: fields ['sequence'] are unknown, missing"),
    "other order": (
        ('"sequence":"7","offers_until":"100"', '"offers_until":"100","sequence":"7"'),
        "out of order",
    ),
    "field twice": (
        ('"sequence":"7"', '"sequence":"8","sequence":"7"'),
        "Demand: not in canonical form at byte 69 after the field sequence",
    ),
    "space": (
        ('"sequence":"7"', '"sequence": "7"'),
        "Demand: not in canonical form at byte 68 after the field sequence",
    ),
    "escaped letter": (('"sequence"', '"\\u0073equence"'), "Demand: not in canonical form"),
    "trailing": (("]}]}", "]}]}\n"), "Demand: not in canonical form at byte"),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_would_mean_the_same_is_refused_by_name(how):
    (old, new), said = WRONG[how]
    with pytest.raises(BadText) as refused:
        decode(Demand, changed(old, new))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'"Demand"',
        b"\xff\xfe",
        TEXT.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + TEXT,
        TEXT[:-1],
        TEXT + b"x",
        b"NaN",
        b"1" * 5_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_no_demand_at_all(text):
    with pytest.raises(BadText, match=r"^Demand: "):
        decode(Demand, text)


def test_half_a_surrogate_pair_is_refused_and_stops_nobody():
    """JSON can escape what UTF-8 cannot hold: it once ended in UnicodeEncodeError."""
    text = encode(Refusal(ANNE, bytes(32), "full")).replace(b"full", b"\\ud800")
    with pytest.raises(BadText, match=r"^Refusal\.reason: '\\ud800' where a text is due"):
        decode(Refusal, text)


@pytest.mark.parametrize("digits", [81, 4_301, 10**6])
def test_digits_without_end_are_refused_at_once(digits):
    reply = Reply(ANNE, bytes(32), 0, bytes(32), 5)
    text = encode(reply).replace(b'"quantity":"5"', b'"quantity":"' + b"5" * digits + b'"')
    with pytest.raises(BadText, match=r"^Reply\.quantity: '5555") as refused:
        decode(Reply, text)
    assert len(str(refused.value)) < 200


def test_a_bare_number_of_many_digits_is_refused():
    text = encode(Nonces(0, 5)).replace(b'"5"', b"5" * 10_000)
    with pytest.raises(BadText, match=r"^Nonces: not JSON"):
        decode(Nonces, text)


def around_the_limit():
    limit = sys.getrecursionlimit()
    return [10, limit // 2, *range(limit - 120, limit + 1, 3), 200_000]


def test_brackets_in_brackets_are_refused_however_deep():
    """Also where the parser just still has room on the stack, and what comes after it has not."""
    for depth in around_the_limit():
        text = TEXT.replace(b'"7"', b"[" * depth + b"]" * depth)
        with pytest.raises(BadText, match=r"^Demand"):
            decode(Demand, text)


def test_moves_in_moves_are_refused_beyond_some_depth():
    """A relay holds a move, so moves nest as deep as one likes: it once ended in RecursionError."""
    intent = Intent(ANNE, b"", 0, 0)
    inner = json.loads(encode(Ordered(RaiseEpoch(ANNE))))["order"]
    outer = json.loads(encode(Ordered(Relay(intent, RaiseEpoch(ANNE), b""))))["order"]["Relay"]
    limit = sys.getrecursionlimit()
    refused = []
    for depth in (1, 3, limit // 20, limit // 5, limit // 4, limit // 3, limit):
        move = json.dumps(inner, separators=(",", ":"))
        head, tail = json.dumps(outer, separators=(",", ":")).split(move)
        text = '{"order":' + ('{"Relay":' + head) * depth + move + (tail + "}") * depth + "}"
        try:
            ordered = decode(Ordered, text.encode())
        except BadText as error:
            refused.append((depth, str(error)))
        else:
            assert encode(ordered) == text.encode()
    depths, words = zip(*refused, strict=True)
    assert limit in depths
    assert min(depths) > limit // 20
    assert "Ordered: nested too deep" in words


def test_a_refusal_quotes_no_more_than_a_line():
    names = {f"field {number}": "x" * 100 for number in range(1_000)}
    with pytest.raises(BadText) as refused:
        decode(Demand, json.dumps(names).encode())
    assert len(str(refused.value)) < 300


@dataclass(frozen=True)
class Odd:
    weight: float


def test_a_type_without_a_form_is_our_own_fault():
    with pytest.raises(Bug, match="no form for <class 'float'>"):
        encode(Odd(1.5))
