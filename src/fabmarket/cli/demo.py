"""`fabmarket demo`: a whole market, from signed demand to audited settlement."""

import json
import shlex
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from fabmarket.chain import Settings, open_engine, public
from fabmarket.cli.exit_codes import AuditFailed
from fabmarket.errors import Refused
from fabmarket.node import run_market
from fabmarket.report import check_writable, manifest, print_summary, write_report
from fabmarket.report.facts import facts_of
from fabmarket.report.wording import escaped
from fabmarket.scenario import (
    FjspOptions,
    Scenario,
    market_from_fjsp,
    paper_market,
    parse_fjsp,
    parse_scenario,
)

_PHASES = {
    "deploy": "Deploying the contracts",
    "verify": "Attesting and listing capacity",
    "deposit": "Depositing",
    "negotiate": "Sub-tasks decided",
    "settle": "Settling trades",
    "audit": "Auditing",
    "done": "Done",
}


class InputError(Refused):
    """An input file cannot be read."""


@dataclass
class _Inputs:
    """The files a run read, by their path below the run's `inputs` directory."""

    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: Path, name: str) -> str:
        try:
            data = path.read_bytes()
            text = data.decode()
        except OSError as error:
            reason = error.strerror
            raise InputError(f"{path}: cannot be read ({reason}); give an existing file") from error
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}: byte {error.start} is not UTF-8 text; give a text file"
            ) from error
        self.files[f"inputs/{name}"] = data
        return text


@click.command(
    "demo",
    epilog="""\b
Examples:
  fabmarket demo                                   the paper's market, report in demo-out/
  fabmarket demo --fjsp scenarios/fjsp/mk01.txt    a job-shop instance as a market
  fabmarket demo --scenario scenarios/cloud-hours.toml --out cloud
  fabmarket demo --fjsp scenarios/fjsp/mk01.txt --batch    a supplier's trades of a round at once
  fabmarket demo --engine anvil --json | jq .paid_total
  fabmarket demo --engine http://127.0.0.1:8545 --seed 7
""",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Run this scenario (.toml or .json).",
)
@click.option(
    "--fjsp",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Run this flexible job-shop instance as a market.",
)
@click.option(
    "--engine",
    default="embedded",
    show_default=True,
    metavar="ENGINE",
    envvar="FABMARKET_ENGINE",
    help="embedded, anvil, or the http(s) URL of a node; also from FABMARKET_ENGINE.",
)
@click.option("--chain-id", type=click.IntRange(1), help="Chain id to pin or, at a URL, to expect.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Seed of keys and drawn values.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the report goes  [default: demo-out; with --json nowhere]",
)
@click.option(
    "--batch",
    is_flag=True,
    help="Let suppliers settle all trades of a round in one transaction each.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts of the run as JSON.")
def command(
    scenario: Path | None,
    fjsp: Path | None,
    engine: str,
    chain_id: int | None,
    seed: int,
    out: Path | None,
    batch: bool,
    as_json: bool,
) -> None:
    """Run a capacity market end to end: verify, release, negotiate, settle, audit.

    Without options: the market of the paper, three demanders and one supplier, on a chain inside
    this process. Same seed, same result. The report in DIR is a web page, its figures, the same
    facts as JSON, the event log (SQLite) and a manifest to repeat the run from.
    """
    inputs = _Inputs()
    again = ["fabmarket", "demo"]
    market = _load(scenario, fjsp, seed, inputs, again)
    again += ["--engine", public(engine), "--seed", str(seed)]
    again += ["--chain-id", str(chain_id)] if chain_id else []
    again += ["--batch"] if batch else []
    if out is None and not as_json:
        out = Path("demo-out")
    if out is not None:
        check_writable(out)
    console = Console(stderr=True)
    settings = Settings(chain_id=chain_id)
    with open_engine(engine, settings) as chain, _Bar(console) as bar:
        outcome = run_market(market, chain, seed, bar.update, batch=batch)
        facts = facts_of(outcome, again)
        about = {
            "name": public(engine),
            "client": chain.client,
            "chain_id": chain.chain_id,
            "genesis_time": settings.genesis_time if chain.name != "rpc" else None,
        }
    with closing(outcome.store):
        ledger = outcome.store.dump()
    if out is not None:
        beside = {
            **inputs.files,
            "ledger.sqlite": ledger,
            "manifest.json": manifest(again, seed, about, inputs.files),
        }
        write_report(facts, out, beside)
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        print_summary(facts, Console(), out)
        click.echo(escaped(f"Again:  {shlex.join(again)}   (in {out})"))
    if not facts["audit"]["ok"]:
        raise AuditFailed("the audit found differences; see audit.checks in report.json")


def _load(
    scenario: Path | None, fjsp: Path | None, seed: int, inputs: _Inputs, again: list[str]
) -> Scenario:
    if scenario is not None and fjsp is not None:
        raise InputError("--scenario and --fjsp exclude each other; give one of them")
    if scenario is not None:
        text = inputs.read(scenario, scenario.name)
        again += ["--scenario", f"inputs/{scenario.name}"]

        def companion(name: str) -> str:
            if ".." in PurePosixPath(name).parts:
                raise InputError(
                    f"{scenario}: {name!r} lies outside the scenario's directory; put it beside it"
                )
            return inputs.read(scenario.parent / name, name)

        return parse_scenario(text, str(scenario), seed, companion)
    if fjsp is not None:
        text = inputs.read(fjsp, fjsp.name)
        again += ["--fjsp", f"inputs/{fjsp.name}"]
        return market_from_fjsp(parse_fjsp(text, str(fjsp)), FjspOptions(), seed, fjsp.stem)
    return paper_market(seed)


class _Bar:
    """Progress on standard error: what is going on, how much of it is done."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<30}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, phase: str, done: int, total: int) -> None:
        """Show one step; a phase that starts ends the ones before it."""
        for other, task in self._tasks.items():
            if other not in (phase, "negotiate", "settle") or phase == "done":
                total_of = self._progress.tasks[task].total
                self._progress.update(task, completed=total_of)
        if phase not in self._tasks:
            if phase == "done":
                return
            self._tasks[phase] = self._progress.add_task(_PHASES[phase], total=total or None)
        self._progress.update(self._tasks[phase], completed=done, total=total or None)
