"""What holds for every test: none of them depends on how fast the machine is."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

BINARIES = Path(__file__).parents[1] / "contracts" / "node_modules" / "@foundry-rs"

settings.register_profile("fabmarket", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fabmarket")


@pytest.fixture(scope="session")
def needs_anvil() -> None:
    named = os.environ.get("FABMARKET_ANVIL")
    if not (named or [*BINARIES.glob("anvil-*/bin/anvil")] or shutil.which("anvil")):
        pytest.skip("anvil is not installed: run `npm ci` in contracts/")
