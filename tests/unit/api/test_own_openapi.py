"""The document of the owner's part: true of every answer, on the page, and frozen."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy import Engine

from fabmarket.api.own.verbs import Verb
from fabmarket.api.served import Served
from fabmarket.node.entry import token_of
from tests.serving import serving
from tests.street import PATIENCE
from tests.unit.node.council import Council
from tests.unit.node.office import Office

EXCLUDED = [positive_data_acceptance]
"""What is of the right form may still be no order that can be given now."""
EXAMPLES = 200 if os.environ.get("FABMARKET_FUZZ") == "long" else 8
ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "openapi-own.json"
PAGE = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8").partition("\n## The owner")[2]


@pytest.fixture(scope="module")
def reached(
    ledger: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Any, dict[str, str]]]:
    """The document of a server of a demander with a trade, and what lets its owner in."""
    council = Council()
    council.escrowed()
    office = Office(council, tmp_path_factory.mktemp("own") / "bea", "bea")
    shown = {"Authorization": f"Bearer {token_of(office.folder)}"}
    with serving(Served(ledger, agent=office.folder, rate=1e9, burst=10**9)) as client:
        document = schemathesis.openapi.from_url(
            f"{client.base_url}/v1/openapi.json", timeout=PATIENCE
        )
        document.config.generation.update(with_security_parameters=False)  # `shown` is sent
        yield document.include(tag="own"), shown


@pytest.fixture(scope="module")
def operations(reached: tuple[Any, dict[str, str]]) -> dict[str, Any]:
    document, _ = reached
    found = [each.ok() for each in document.get_all_operations()]
    return {f"{each.method.upper()} {each.path}": each for each in found}


def test_the_document_is_the_frozen_one(operations: dict[str, Any]) -> None:
    """With FABMARKET_FREEZE=1 the test writes it anew."""
    said = {name: each.definition.raw for name, each in operations.items()}
    found = json.dumps(said, indent=1, sort_keys=True) + "\n"
    if os.environ.get("FABMARKET_FREEZE"):
        GOLDEN.write_text(found, "utf-8")
    assert found == GOLDEN.read_text("utf-8")


def test_the_page_has_every_request_of_the_owner_and_no_other(operations: dict[str, Any]) -> None:
    said = set(re.findall(r"^\| `((?:GET|POST) [^`]+)` \|", PAGE, re.MULTILINE))
    assert said == set(operations)


def test_the_page_has_every_verb() -> None:
    verbs = {each.model_fields["verb"].annotation.__args__[0] for each in Verb.__origin__.__args__}
    (line,) = re.findall(r"\*\*Orders\*\*.*?\n\n", PAGE, re.DOTALL)
    assert verbs <= set(re.findall("`([a-z]+)`", line))


@pytest.mark.parametrize("mode", GenerationMode)
def test_no_answer_to_an_owner_is_a_fault_or_undocumented(
    mode: GenerationMode, operations: dict[str, Any], reached: tuple[Any, dict[str, str]]
) -> None:
    assert len(operations) > 15
    for operation in operations.values():
        takes_something = {"parameters", "requestBody"} & set(operation.definition.raw)
        if mode is GenerationMode.NEGATIVE and not takes_something:
            continue  # nothing can be wrong in nothing

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        def answered(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=reached[1], timeout=PATIENCE, excluded_checks=EXCLUDED)

        answered()
