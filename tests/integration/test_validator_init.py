"""What the validator takes as the description of a consortium: no file of which no chain begins."""

import json
import shutil
import subprocess

import pytest

from fabmarket.identity import Key
from fabmarket.local.network.program import validator_binary


def account(at):
    return Key(at.to_bytes(32)).address


def seat(at):
    return {
        "name": f"firm-{at}",
        "owner": account(at),
        "key": "0x" + at.to_bytes(32).hex(),
        "node_id": at.to_bytes(20).hex(),
        "address": f"firm-{at}.example:26656",
    }


def description(**changed):
    usual = {
        "chain_id": 4711,
        "genesis_time": "2026-01-01T00:00:00Z",
        "seats": [seat(1), seat(2), seat(3)],
        "deployers": [account(1)],
        "senders": None,
        "min_gas_price": 0,
        "block_gas": 30_000_000,
        "coins": {},
    }
    return json.dumps(usual | changed)


@pytest.fixture
def init(needs_validator, tmp_path):
    home, file = tmp_path / "home", tmp_path / "consortium.json"

    def does(name, *options):
        command = [validator_binary(), name, "--home", home, *map(str, options)]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603

    def ran(text, *options):
        file.write_text(text)
        return does("init", "--consortium", file, *options)

    ran.home, ran.does = home, does
    return ran


QUOTED = 300
"""As much of it as `fabmarket network` says on; the reason stood behind that."""

AT_THE_LIMITS = {"min_gas_price": 10**12, "block_gas": 10**9, "chain_id": 2**63 - 1}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"senders": [account(at) for at in range(1, 401)]},
        {"seats": [seat(at) for at in range(1, 65)]},
        {"block_gas": 10_000_000},
        AT_THE_LIMITS,
    ],
)
def test_a_good_one_is_written(init, changed):
    ran = init(description(**changed))
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert len(said["genesis_sha256"]) == 64
    assert said["seat"] is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seats": [seat(1), seat(2) | {"key": "0x" + 64 * "0"}]}, "seat 1: key"),
        (
            {"seats": [seat(1), seat(2) | {"key": seat(1)["key"]}]},
            f'"firm-1" and "firm-2" have one key, {seat(1)["key"]}',
        ),
        ({"seats": [seat(1) | {"owner": "0x" + 40 * "0"}]}, "is nobody's account"),
        ({"seats": [seat(at) for at in range(1, 66)]}, "65 seats are more than 64"),
        ({"deployers": [account(1), account(1)]}, f"deployers: {account(1)} stands in it twice"),
        ({"senders": [account(at) for at in range(1, 701)]}, "list fewer accounts"),
        ({"min_gas_price": 10**12 + 1}, "wei from 0 to 1000000000000"),
        ({"block_gas": 9_999_999}, "block_gas 9999999 is not from 10000000 to 1000000000"),
        ({"chain_id": 2**64 - 1}, "chain_id 18446744073709551615 is above"),
    ],
)
def test_one_that_no_chain_begins_with_is_refused_and_nothing_is_written(init, changed, said):
    """Every firm's validator would have ended at its first start, at the hour agreed upon."""
    ran = init(description(**changed))
    assert ran.returncode == 1
    assert said in ran.stderr[:QUOTED]
    assert not init.home.exists()


def test_regression_the_seat_that_counts_is_said_and_no_second_owner_is_hidden_in_it(init):
    """A firm found its own values in the file, and its vote was another's."""
    keys = json.loads(init.does("keys").stdout)
    own = seat(3) | keys
    ran = init(description(seats=[seat(1), seat(2), own]))
    assert json.loads(ran.stdout)["seat"] == own
    before = files(init.home)
    for second in ("owner", "Owner", "OWNER"):
        forged = description(seats=[seat(1), seat(2), {"own": 1} | own])
        forged = forged.replace('"own": 1', f'"{second}": "{account(9)}"')
        ran = init(forged)
        assert ran.returncode == 1
        assert "seat 2" in ran.stderr
    ran = init(description(seats=[seat(1), seat(2), own | {"node_id": seat(3)["node_id"]}]))
    assert ran.returncode == 1
    assert keys["node_id"] in ran.stderr
    assert files(init.home) == before


def files(folder):
    return {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--peers", "garbage", '"garbage"'),
        ("--peers", f"{seat(2)['node_id']}@127.0.0.1", '@127.0.0.1"'),
        ("--peers", f"{seat(2)['node_id']}@elsewhere:1,", '""'),
        ("--peers", f"AB{seat(2)['node_id'][2:]}@elsewhere:1", '"AB'),
        ("--http", "nonsense", '"nonsense"'),
        ("--rpc", "99", '"99"'),
        ("--block-time", "-5s", "-5s"),
        ("--block-time", "1000h", "1000h"),
    ],
)
def test_regression_what_it_is_told_is_read_before_anything_is_written(init, option, value, said):
    """A validator that ran obeyed a mistyped file of peers at once."""
    assert init(description()).returncode == 0
    before = files(init.home)
    ran = init(description(), option, value)
    assert ran.returncode == 1
    assert option in ran.stderr
    assert said in ran.stderr
    assert files(init.home) == before


def test_regression_blanks_between_peers_are_none_of_their_names(init):
    """Such a peer was shut out."""
    peers = [f"{seat(at)['node_id']}@elsewhere:{at}" for at in (2, 3)]
    assert init(description(), "--peers", ", ".join(peers)).returncode == 0
    assert (init.home / "config" / "peers").read_text() == "\n".join(peers) + "\n"


def test_regression_a_folder_without_a_validator_is_left_as_it_is(init, tmp_path):
    """The engine made a folder with a chain of its own, or printed where it was in its code."""
    ran = init.does("start")
    assert ran.returncode == 1
    assert f"there is no validator in {init.home}" in ran.stderr
    assert "run validator init" in ran.stderr
    assert not init.home.exists()
    for command in (["start"], ["keys"], ["init"], ["restore", "--above", "1"]):
        for home in ([], ["--home", ""]):
            ran = subprocess.run(  # noqa: S603
                [validator_binary(), *command, *home],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 1
            assert ran.stderr.startswith("Error: --home is needed")
    assert not list(tmp_path.iterdir())
    helped = [validator_binary(), "help", "start"]
    assert b"halt-height" in subprocess.run(helped, capture_output=True, check=True).stdout  # noqa: S603


def test_what_it_was_told_stays_where_it_runs_again(init):
    """A validator had the usual ports again, and its proxy pointed at nothing."""
    assert init(description(), "--http", "127.0.0.1:4711", "--block-time", "2s").returncode == 0
    assert init(description(), "--peers", f"{seat(2)['node_id']}@elsewhere:1").returncode == 0
    written = (init.home / "config" / "app.toml").read_text()
    assert 'address = "127.0.0.1:4711"' in written
    written = (init.home / "config" / "config.toml").read_text()
    assert 'timeout_commit = "2s"' in written
    assert "@elsewhere:1" in written


def test_keys_from_a_backup_are_not_used_before_it_is_said_what_they_signed(init):
    """A file of zeros, made anew, would have had it sign blocks of long ago a second time."""
    assert init(description()).returncode == 0
    shutil.rmtree(init.home / "data")
    for ran in (init(description()), init.does("start"), init.does("keys")):
        assert ran.returncode == 1
        assert "run validator restore" in ran.stderr
    assert not (init.home / "data" / "priv_validator_state.json").exists()
    assert init.does("restore", "--above", 4712).returncode == 0
    assert init(description()).returncode == 0
    again = init.does("restore", "--above", 1)
    assert again.returncode == 1
    assert "knows better what was signed" in again.stderr
