"""The document of the API: true of every answer, and frozen."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fabmarket.api.errors import CODES
from fabmarket.api.served import Served
from tests.filled_ledger import empty, fill
from tests.serving import serving
from tests.street import PATIENCE

EXCLUDED = [positive_data_acceptance]
"""A cursor or window may be of the right form and still be none of the query."""
EXAMPLES = 300 if os.environ.get("FABMARKET_FUZZ") == "long" else 8


ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "openapi.json"
REFERENCE = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")


@pytest.fixture(scope="session")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/openapi.json").json()
    return found


def described(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Method and path of each operation, and what is said of it."""
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_document_is_the_frozen_one(document: dict[str, Any]) -> None:
    """A change to the API is to be seen: with FABMARKET_FREEZE=1 the test writes it anew."""
    found = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if os.environ.get("FABMARKET_FREEZE"):
        GOLDEN.write_text(found, "utf-8")
    assert found == GOLDEN.read_text("utf-8")


def test_the_reference_has_every_request_and_no_other(document: dict[str, Any]) -> None:
    public = REFERENCE.partition("\n## The owner")[0]
    said = set(re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", public, re.MULTILINE))
    assert said == {name for name, _ in described(document)}


def test_the_reference_names_every_filter(document: dict[str, Any]) -> None:
    lines = {line.split("`")[1]: line for line in REFERENCE.splitlines() if line.startswith("| `")}
    for name, operation in described(document):
        for each in operation.get("parameters", []):
            if each["in"] == "query" and each["name"] not in ("cursor", "limit"):
                same = "same filters" in lines[name]
                assert same or f"`{each['name']}`" in lines[name], (name, each["name"])


def test_the_reference_has_every_error() -> None:
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", REFERENCE, re.MULTILINE)
    assert {int(status): code for status, code in rows} == {
        status: code for status, (code, _) in CODES.items()
    }


def test_everything_is_described_with_examples(document: dict[str, Any]) -> None:
    for name, operation in described(document):
        assert operation["description"], name
        for each in operation.get("parameters", []):
            assert each["description"], (name, each["name"])
            text = json.dumps(each["schema"])
            said = any(word in text for word in ("examples", "enum", "boolean"))
            assert said or each["name"] == "cursor" or "examples" in each, (name, each["name"])
        body = operation.get("requestBody")
        if body is not None:
            reference = body["content"]["application/json"]["schema"]["$ref"]
            schema = document["components"]["schemas"][reference.rpartition("/")[2]]
            assert schema["examples"], name


def test_the_examples_of_bodies_are_answered(
    document: dict[str, Any], client: httpx.Client
) -> None:
    for name, operation in described(document):
        if "requestBody" in operation:
            reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            schema = document["components"]["schemas"][reference.rpartition("/")[2]]
            for example in schema["examples"]:
                assert client.post(name.split()[1], json=example).status_code == 200, name


@pytest.fixture(scope="module")
def operations() -> Iterator[list[Any]]:
    engine = empty()
    fill(engine)
    with serving(Served(engine, rate=1e9, burst=10**9)) as client:
        document = schemathesis.openapi.from_url(
            f"{client.base_url}/v1/openapi.json", timeout=PATIENCE
        )
        of_ends = document.exclude(path="/v1/live")  # a stream: see test_live
        yield [found.ok() for found in of_ends.get_all_operations()]


@pytest.mark.parametrize("mode", GenerationMode)
def test_no_answer_is_a_fault_or_undocumented(mode: GenerationMode, operations: list[Any]) -> None:
    assert len(operations) > 20
    for operation in operations:
        takes_something = "parameters" in operation.definition.raw
        if mode is GenerationMode.NEGATIVE and not takes_something:
            continue  # nothing can be wrong in nothing

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        def answered(case: schemathesis.Case) -> None:
            case.call_and_validate(timeout=PATIENCE, excluded_checks=EXCLUDED)

        answered()
