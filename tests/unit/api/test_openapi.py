"""The document of the API: true of every answer, and frozen."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fabmarket.api.served import Served
from tests.filled_ledger import empty, fill
from tests.serving import serving

EXCLUDED = [positive_data_acceptance]
"""A cursor or window may be of the right form and still be none of the query."""
EXAMPLES = 300 if os.environ.get("FABMARKET_FUZZ") == "long" else 12


@pytest.fixture(scope="module")
def operations() -> Iterator[list[Any]]:
    engine = empty()
    fill(engine)
    with serving(Served(engine, rate=1e9, burst=10**9)) as client:
        document = schemathesis.openapi.from_url(f"{client.base_url}/v1/openapi.json")
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
            case.call_and_validate(excluded_checks=EXCLUDED)

        answered()
