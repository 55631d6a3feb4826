"""The validator's program: where it is, and what it is told."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fabmarket.errors import Refused
from fabmarket.local.network.files import Place, Validator

_QUOTED = 300
_PATIENCE = 120
"""Seconds in which it writes keys or configuration: one or two."""
_KEY = re.compile("0x[0-9a-f]{64}")
_NODE = re.compile("[0-9a-f]{40}")


class NotBuilt(Refused):
    """There is no program that could be a validator."""


class ValidatorFailed(Refused):
    """The program does not do what it is told; the message has its words."""


def validator_binary() -> Path:
    """Return the validator's program. Raises NotBuilt."""
    named = os.environ.get("FABMARKET_VALIDATOR")
    if named:
        if os.path.isfile(named) and os.access(named, os.X_OK):
            return Path(named)
        raise NotBuilt(
            f"FABMARKET_VALIDATOR names {named}, which is not an executable file; set it to the"
            " validator's program"
        )
    built = Path(__file__).parents[4] / "network" / "build" / "validator"
    if os.access(built, os.X_OK):
        return built
    raise NotBuilt(
        "the validator is not built; run `make network` (it needs Go 1.25 or later, and gcc), or"
        " set FABMARKET_VALIDATOR to its program"
    )


def draw_keys(binary: Path, home: Path) -> tuple[str, str]:
    """Make the keys of a validator, or read those that are there: its node's id, and its key."""
    said = _asked([str(binary), "keys", "--home", str(home)])
    node_id, key = said.get("node_id"), said.get("key")
    if not (
        isinstance(node_id, str)
        and isinstance(key, str)
        and _NODE.fullmatch(node_id)
        and _KEY.fullmatch(key)
    ):
        raise ValidatorFailed(f"{binary} names no keys; build it anew with `make network`")
    return node_id, key


def configure(
    binary: Path,
    place: Place,
    validator: Validator,
    others: Sequence[Validator],
    block_time: int,
    genesis: Path | None = None,
) -> str:
    """Write a validator's genesis and configuration, and return the digest of the genesis.

    `others` are whom it talks to; after each block it pauses `block_time` milliseconds. `genesis`
    is that of a chain which exists.
    """
    peers = ",".join(f"{each.node_id}@{each.peer}" for each in others)
    said = _asked(
        [
            *(str(binary), "init", "--home", str(place.home(validator.name))),
            *("--consortium", str(place.consortium), "--peer", validator.peer),
            *("--http", validator.http, "--rpc", validator.rpc),
            *("--peers", peers, "--block-time", f"{block_time}ms"),
            *(("--genesis", str(genesis)) if genesis else ()),
        ]
    )
    return str(said.get("genesis_sha256"))


def start_command(binary: Path, home: Path) -> list[str]:
    """Return the command that runs a validator."""
    said = ("--log_level", "warn", "--log_no_color")
    return [str(binary), "start", "--home", str(home), *said]


def _asked(command: Sequence[str]) -> dict[str, Any]:
    """What the program answers, one JSON object."""
    try:
        ran = subprocess.run(  # noqa: S603 - our own program
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValidatorFailed(f"{command[0]} does not run ({error}); build it anew") from error
    if ran.returncode == 0:
        try:
            return dict(json.loads(ran.stdout))
        except (ValueError, TypeError):
            pass
    words = " ".join((ran.stderr or ran.stdout).split())[:_QUOTED]
    raise ValidatorFailed(f"{command[0]} {command[1]} failed ({words or 'it said nothing'})")
