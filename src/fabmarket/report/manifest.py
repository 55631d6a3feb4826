"""The manifest: everything needed to run the same market again."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

_PACKAGES = ("fabmarket", "web3", "eth-tester", "py-evm", "coincurve", "numpy", "matplotlib")


def manifest(
    command: Sequence[str],
    seed: int,
    engine: Mapping[str, Any],
    inputs: Mapping[str, bytes],
    journals: Iterable[str] = (),
) -> bytes:
    """Return manifest.json.

    `command` repeats the run from inside the output directory; `inputs` are the input files by
    their path in it, recorded by SHA-256; `journals` the paths of the participants' journals.
    """
    record = {
        "command": list(command),
        "seed": seed,
        "engine": dict(engine),
        "inputs": {path: hashlib.sha256(data).hexdigest() for path, data in inputs.items()},
        "journals": sorted(journals),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
        "platform": platform.platform(),
    }
    return (json.dumps(record, indent=2, sort_keys=True) + "\n").encode()
