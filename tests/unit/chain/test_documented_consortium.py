"""docs/reference/consortium.md against the contract: no call, log, refusal or limit is left out."""

import re
from pathlib import Path

import pytest

from fabmarket.chain import CONSORTIUM, ConsortiumContract
from fabmarket.chain.abi import artifact
from fabmarket.chain.consortium import AGREE_GAS, quorum

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "consortium.md").read_text("utf-8")
ABI = artifact("Consortium")["abi"]


def of_kind(kind):
    return [each for each in ABI if each["type"] == kind]


def written(entry):
    return f"{entry['name']}({', '.join(each['name'] for each in entry['inputs'])})"


def section(title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/consortium.md has no section {title!r}"
    return found[1]


def constants():
    return {each["name"] for each in of_kind("function") if each["name"].isupper()}


def test_every_call_is_in_the_table_and_no_other():
    calls = {written(each) for each in of_kind("function") if not each["name"].isupper()}
    assert (
        set(re.findall(r"^\| `(\w+\([^`]*\))` \|", section("Calls"), re.MULTILINE))
        - {written(each) for each in of_kind("error")}
        == calls
    )


def test_every_refusal_is_there():
    rows = section("Calls").split("| refused |")[1]
    named = set(re.findall(r"`([A-Z]\w+\([^`]*\))`", rows))
    assert named == {written(each) for each in of_kind("error")}


@pytest.mark.parametrize("event", of_kind("event"), ids=lambda each: each["name"])
def test_every_log_is_named(event):
    assert re.search(rf"`{event['name']}[`(]", PAGE)


def test_the_limits_are_those_of_the_contract(node):
    node.ask("anvil_setCode", [CONSORTIUM, artifact("Consortium")["deployedBytecode"]])
    consortium = ConsortiumContract(node)
    rows = re.findall(r"^\| `(\w+)` \| `?(0x\w+|[\d,]+)", section("Limits"), re.MULTILINE)
    said = {name: value.replace(",", "").lower() for name, value in rows}
    assert said == {name: str(consortium.read(name)).lower() for name in constants()}


def test_how_many_agree_is_what_is_counted():
    seats, agree, away = (
        [int(each) for each in re.findall(r"\| (\d+)", line)]
        for line in section("Agreeing").splitlines()
        if re.match(r"\| (seats|agree|may be away)", line)
    )
    assert agree == [quorum(count) for count in seats]
    assert away == [count - needed for count, needed in zip(seats, agree, strict=True)]


def test_address_and_gas_are_those_in_use():
    assert f"`{CONSORTIUM}`" in PAGE
    assert f"A limit of {AGREE_GAS:,} is always enough" in PAGE
