"""`fabmarket secret`: what it prints, and how it ends."""

import json
import sys
from importlib.util import find_spec

import pytest

from fabmarket.cli.main import main
from fabmarket.secret import searching

GAME = {"benefit": [100, 200, 200], "cost": [45, 45, 15], "supplier_cost": 10, "a": 0.8, "b": 0.2}

needs_mpyc = pytest.mark.skipif(find_spec("mpyc") is None, reason="the extra mpc is not installed")


@pytest.fixture
def run(tmp_path, capsys):
    """Run it on a game; exit code, standard output and standard error."""

    def run(game, *arguments):
        path = tmp_path / "game.json"
        path.write_text(json.dumps(game))
        with pytest.raises(SystemExit) as ended:
            main(["secret", str(path), *arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


@needs_mpyc
def test_the_json_has_the_price_and_what_everybody_works_out(run):
    code, out, err = run(GAME, "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts.pop("seconds") > 0
    sent = facts.pop("bytes")
    assert list(sent) == ["operator", "supplier", "auditor"]
    assert min(sent.values()) > 1000
    assert facts == {
        "concept": "simultaneous",
        "tick": 0.001,
        "price": 87.5,
        "open_price": 87.5,
        "demand": [0.0, 84.375, 121.875],
        "probes": 20,
    }


@needs_mpyc
def test_between_two_ticks_the_price_is_the_upper_one(run):
    code, out, _ = run(GAME, "--concept", "balanced", "--tick", "0.5", "--json")
    facts = json.loads(out)
    assert (code, facts["price"]) == (0, 113.5)
    assert facts["open_price"] == pytest.approx(340 / 3)


@needs_mpyc
def test_the_tables_say_the_same(run):
    code, out, _ = run(GAME)
    assert code == 0
    printed = " ".join(out.split())
    for said in ("three servers 87.5", "open search 87.5", "2 121.875", "operator", "auditor"):
        assert said in printed


@needs_mpyc
def test_at_the_floor_nobody_can_work_out_a_share(run):
    game = {**GAME, "supplier_cost": 150}
    code, out, _ = run(game, "--concept", "balanced", "--json")
    facts = json.loads(out)
    assert (code, facts["price"], facts["open_price"], facts["demand"]) == (0, 150, 150, None)
    assert "what each gets hangs on the sum" in run(game, "--concept", "balanced")[1]


@needs_mpyc
def test_servers_that_find_another_price_end_it_with_1(run, tmp_path, monkeypatch):
    """All three at once: one alone would be contradicted by the others, or end."""
    program = tmp_path / "lying.py"
    program.write_text(
        "import sys\n"
        "from fabmarket.secret import server\n"
        "there = server.Market.there\n"
        "server.Market.there = lambda self, index: there(self, index) + 1_000_000\n"
        "server.main(int(sys.argv[1]), [int(file) for file in sys.argv[2:]])\n"
    )
    monkeypatch.setattr(searching, "PROGRAM", [sys.executable, str(program)])
    code, out, err = run(GAME, "--json")
    assert code == 1
    assert json.loads(out)["price"] < 87.5
    assert "and the open search's 87.5; one of the servers has not done its part" in err


@needs_mpyc
def test_a_server_that_is_stopped_ends_it_with_75(run, tmp_path, monkeypatch):
    program = tmp_path / "stopped.py"
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n")
    monkeypatch.setattr(searching, "PROGRAM", [sys.executable, str(program)])
    monkeypatch.setattr(searching, "LIMIT", 1)
    code, out, err = run(GAME, "--json")
    assert (code, out) == (75, "")
    assert "a probe took more than 1 seconds, a server hangs; start again" in err


def test_without_the_extra_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpyc", None)
    code, _, err = run(GAME)
    assert code == 2
    assert "a secret search needs mpyc; run " in err
    assert "-m pip install 'fabmarket[mpc]'" in err


REFUSED = {
    "demander 2 has a margin of 5000 above the grid's highest price, 1058.58; give a larger tick"
    " (--tick)": ({**GAME, "benefit": [100, 200, 5015]}, []),
    "2 members; a secret search is for 3 to 65536": (
        {**GAME, "benefit": [100, 200], "cost": [45, 45]},
        [],
    ),
    "a tick of 0; give one above 0": (GAME, ["--tick", "0"]),
    "balanced needs a > b": ({**GAME, "b": 0.9}, ["--concept", "balanced"]),
    "secret searches are offered without budgets": ({**GAME, "budget": [1, 2, 3]}, []),
    "demanders-lead is offered without demand caps": (
        {**GAME, "cap": [1, 2, 3]},
        ["--concept", "demanders-lead"],
    ),
}


@needs_mpyc
@pytest.mark.parametrize("said", REFUSED)
def test_what_cannot_be_searched_is_refused(run, said):
    game, arguments = REFUSED[said]
    code, out, err = run(game, *arguments)
    assert (code, out) == (2, "")
    assert said in err
