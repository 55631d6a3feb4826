"""Run the notebooks of this folder from the top, each in a fresh kernel.

    python docs/notebooks/run.py [--check] [NOTEBOOK ...]

Without an option the outputs are stored in the files; so after a change of a cell. With --check
nothing is written: the outputs are compared with the stored ones, and any difference is printed and
ends with 1. Printed text must be equal; of a plot only that it is there. A cell with the tag
`varies` prints times: there, numbers may differ.

Needs the extra `notebook`.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
LONGEST = 120  # seconds for one cell


def run(path: Path) -> Any:
    """The notebook after a run in a fresh kernel, with nothing of this machine in it.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as profile:
        # A profile of one's own and a chosen backend would change what a cell shows.
        env = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        client = NotebookClient(
            notebook,
            timeout=LONGEST,
            kernel_name="python3",
            resources={"metadata": {"path": str(path.parent)}},
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
        )
        client.execute(env={**env, "IPYTHONDIR": profile})
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def shown(output: Any) -> tuple[str, str]:
    """What of an output is compared: its kind, and its text if it is one."""
    if output.output_type == "stream":
        return output.name, output.text
    if output.output_type == "error":
        return output.ename, output.evalue
    if "image/png" in output.data:
        return "plot", ""
    return " ".join(sorted(output.data)), output.data.get("text/plain", "")


def differences(stored: Any, fresh: Any) -> Iterator[str]:
    """Where the outputs of two runs of one notebook differ, in words."""
    for at, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True)):
        if old.cell_type != "code":
            continue
        before, after = [[shown(one) for one in cell.outputs] for cell in (old, new)]
        if "varies" in old.metadata.get("tags", []):
            before, after = [
                [(kind, re.sub(r" *\d[\d.]*", "#", text)) for kind, text in each]
                for each in (before, after)
            ]
        if before != after:
            lines = unified_diff(written(before), written(after), "stored", "now", lineterm="")
            yield "\n".join([f"cell {at}:", *lines])


def written(outputs: list[tuple[str, str]]) -> list[str]:
    """Outputs as lines, each under its kind."""
    return [line for kind, text in outputs for line in (f"[{kind}]", *text.splitlines())]


def main() -> None:
    """The command line; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebook", nargs="*", type=Path, default=sorted(FOLDER.glob("*.ipynb")))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    found = []
    for path in args.notebook:
        fresh = run(path)
        if args.check:
            stored = nbformat.read(path, as_version=4)
            found += [f"{path.name}, {one}" for one in differences(stored, fresh)]
        else:
            nbformat.write(fresh, path)
    if found:
        print(*found, "if that is right, store it: python docs/notebooks/run.py", sep="\n\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
