"""`fabmarket demo`: a whole market, from signed demand to audited settlement."""

import json
import shlex
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import get_args

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
from fabmarket.cli.inputs import InputError, Whole, read_input
from fabmarket.report import check_writable, manifest, print_summary, write_report
from fabmarket.report.facts import facts_of
from fabmarket.report.wording import escaped
from fabmarket.scenario import (
    LARGEST_SCENARIO,
    Scenario,
    decode,
    paper_market,
    parse_fjsp,
    parse_scenario,
    slotted,
)
from fabmarket.simulation import Outcome, Settling, run_market
from fabmarket.simulation.leakage import ATTACKS, bare, measured, walled
from fabmarket.simulation.leakage.rows import Leak

_PHASES = {
    "deploy": "Deploying the contracts",
    "verify": "Attesting and listing capacity",
    "deposit": "Depositing",
    "negotiate": "Sub-tasks, products decided",
    "settle": "Settling trades",
    "audit": "Auditing",
    "bare": "The same market without walls",
    "attack": "Attacking both",
    "done": "Done",
}


@dataclass
class _Inputs:
    """The files a run read, by their path below the run's `inputs` directory."""

    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: Path, name: str) -> str:
        data = read_input(path, LARGEST_SCENARIO)
        text = decode(data, str(path), LARGEST_SCENARIO)
        self.files[f"inputs/{name}"] = data
        return text


@click.command(
    "demo",
    epilog="""\b
Examples, in a clone:
  fabmarket demo                                 # the paper's market, report in demo-out/
  fabmarket demo --fjsp scenarios/fjsp/mk01.txt  # a job shop buys whole products
  fabmarket demo --settle batch                  # a supplier's trades of a round at once
  fabmarket demo --private                       # sealed, masked, netted; who learned what
  fabmarket demo --private --scenario scenarios/district.toml --out demo-out/district
  fabmarket demo --scenario scenarios/cloud-hours.toml --out demo-out/cloud
  fabmarket demo --engine anvil --json           # needs anvil: npm ci in contracts/
  fabmarket demo --engine http://127.0.0.1:8545 --seed 7  # needs a node there
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
    help="Run this job-shop instance, flexible or plain, as a market of products.",
)
@click.option(
    "--machines-from",
    type=click.Choice(["0", "1"]),
    help="What the instance calls its first machine  [default: as it shows, else 1]",
)
@click.option(
    "--engine",
    default="embedded",
    show_default=True,
    metavar="ENGINE",
    envvar="FABMARKET_ENGINE",
    help="embedded, anvil, or a node's http(s) URL, or URL,URL; also from FABMARKET_ENGINE.",
)
@click.option("--chain-id", type=Whole(1), help="Chain id to pin or, at a URL, to expect.")
@click.option(
    "--seed",
    type=Whole(0),
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
    "--settle",
    type=click.Choice(get_args(Settling)),
    help="Each trade alone, a supplier's of a round in a batch, or all netted in cycles"
    "  [default: single; net with --private]",
)
@click.option(
    "--private",
    is_flag=True,
    help="With all walls up, sealed, masked and netted; ends with what each viewer learned.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the facts of the run as JSON.")
def command(
    scenario: Path | None,
    fjsp: Path | None,
    machines_from: str | None,
    engine: str,
    chain_id: int | None,
    seed: int,
    out: Path | None,
    settle: Settling | None,
    private: bool,
    as_json: bool,
) -> None:
    """Run a capacity market end to end: verify, release, negotiate, settle, audit.

    Without options: the market of the paper, three demanders and one supplier, on a chain inside
    this process. It negotiates towards demanders-lead, a scenario towards the concept it names;
    the jobs of a job shop are products, bought whole or not at all. Same seed, same result. The
    report in DIR is a web page, its figures, the same facts as JSON, the event log (SQLite) and a
    manifest to repeat the run from.
    """
    inputs = _Inputs()
    again = ["fabmarket", "demo"]
    market = _load(scenario, fjsp, machines_from, seed, inputs, again)
    again += ["--engine", public(engine), "--seed", str(seed)]
    again += ["--chain-id", str(chain_id)] if chain_id else []
    if private and settle not in (None, "net"):
        raise InputError(f"--private nets trades; leave --settle {settle} out")
    again += ["--settle", settle] if settle not in (None, "single") else []
    again += ["--private"] if private else []
    if out is None and not as_json:
        out = Path("demo-out")
    if out is not None:
        check_writable(out)
    console = Console(stderr=True)
    settings = Settings(chain_id=chain_id)
    with open_engine(engine, settings) as chain, _Bar(console) as bar:
        if private:
            outcome = run_market(walled(market), chain, seed, bar.update, settle="net", sealed=True)
            leaks = _leaks(outcome, market, seed, bar)
        else:
            outcome = run_market(market, chain, seed, bar.update, settle=settle or "single")
            leaks = ()
        facts = facts_of(outcome, again, leaks)
        about = {
            "name": public(engine),
            "client": chain.client,
            "chain_id": chain.chain_id,
            "genesis_time": settings.genesis_time if chain.name != "rpc" else None,
        }
    with closing(outcome.store):
        ledger = outcome.store.dump()
    journals = {}
    for address, journal in outcome.journals.items():
        with closing(journal):
            journals[f"journals/{address}.sqlite"] = journal.dump()
    if out is not None:
        beside = {
            **inputs.files,
            "ledger.sqlite": ledger,
            **journals,
            "manifest.json": manifest(again, seed, about, inputs.files, journals),
        }
        write_report(facts, out, beside)
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        print_summary(facts, Console(), out)
        click.echo(escaped(f"Again:  {shlex.join(again)}   (in {out})"))
    if not facts["audit"]["ok"]:
        raise AuditFailed("the audit found differences; see audit.checks in report.json")


def _leaks(outcome: Outcome, market: Scenario, seed: int, bar: "_Bar") -> tuple[Leak, ...]:
    """What each viewer of a private run learned, held against a run without walls."""

    def nothing(_: str, __: int, ___: int) -> None:
        """Its phases are not the run's."""

    bar.update("bare", 0, 1)
    leaks = []
    with open_engine("embedded", Settings()) as engine:
        plain = run_market(bare(market), engine, seed, nothing)
        for leak in measured(outcome, plain):
            leaks.append(leak)
            bar.update("attack", len(leaks), len(ATTACKS))
    with closing(plain.store), ExitStack() as journals:
        for journal in plain.journals.values():
            journals.enter_context(closing(journal))
    bar.update("done", 1, 1)
    return tuple(leaks)


def _load(
    scenario: Path | None,
    fjsp: Path | None,
    machines_from: str | None,
    seed: int,
    inputs: _Inputs,
    again: list[str],
) -> Scenario:
    if scenario is not None and fjsp is not None:
        raise InputError("--scenario and --fjsp exclude each other; give one of them")
    if machines_from is not None and fjsp is None:
        remedy = "in a scenario file write machines_from in its fjsp table"
        raise InputError(f"--machines-from goes with --fjsp; {remedy}")
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
        first = None if machines_from is None else int(machines_from)
        again += ["--machines-from", machines_from] if machines_from else []
        instance = parse_fjsp(text, str(fjsp), first)
        return slotted(instance, seed, escaped(fjsp.name))
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
