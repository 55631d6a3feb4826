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


def test_a_good_one_is_written(init):
    for text in (description(), description(senders=[account(at) for at in range(1, 401)])):
        ran = init(text)
        assert ran.returncode == 0, ran.stderr
        assert len(json.loads(ran.stdout)["genesis_sha256"]) == 64


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seats": [seat(1), seat(2) | {"key": 64 * "0"}]}, "BadKey"),
        ({"seats": [seat(1) | {"owner": "0x" + 40 * "0"}]}, "BadOwner"),
        ({"seats": [seat(at) for at in range(1, 66)]}, "TooManySeats[64]"),
        ({"deployers": [account(1), account(1)]}, f"Unchanged[0 {account(1)}]"),
        ({"senders": [account(at) for at in range(1, 701)]}, "list fewer accounts"),
        ({"min_gas_price": 10**12 + 1}, "BadGas[1000000000001 30000000]"),
        ({"block_gas": 9_999_999}, "BadGas[0 9999999]"),
    ],
)
def test_one_that_no_chain_begins_with_is_refused_and_nothing_is_written(init, changed, said):
    """Every firm's validator would have ended at its first start, at the hour agreed upon."""
    ran = init(description(**changed))
    assert ran.returncode == 1
    assert "no chain begins with this" in ran.stderr
    assert said in ran.stderr
    assert not init.home.exists()


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
