"""What `fabmarket network` advises can be put into a shell as it stands, whatever a directory is
called; here of networks that do not run.
"""

import shlex

import pytest

from fabmarket.local.network.files import Facts, Place, Validator, write_facts
from tests.integration.conftest import refused, run_command

KEY = "0x" + "11" * 32
ONE = Validator("one", "0xo", KEY, "ab", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
ACCOUNT = "0x" + 40 * "1"


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "mit Leerzeichen ü; $(x)"
    root.mkdir()
    write_facts(Place(root), Facts(31337, 300, "", (ONE,)))
    return root


def test_regression_what_starts_a_network_names_its_directory_as_a_shell_takes_it(root):
    """Without the directory the command made a new network, and with it, in a shell, two."""
    start = f"fabmarket network up {shlex.quote(str(root))}"
    for words in (
        ("status", root),
        ("agreed", "--network", root),
        ("agree", "close", "send", "--network", root),
        ("remove-validator", "one", root),
        ("add-validator", "two", root),
    ):
        ran = run_command("network", *words)
        assert ran.code in (2, 75)
        assert start in ran.stderr, ran.stderr


def test_regression_the_status_of_a_network_that_is_down_counts_nothing(root):
    """It had `Seats 0 of 0 present, 1 needed: too few`."""
    shown = run_command("network", "status", root)
    refused(shown, "no validator answers", code=75)
    assert "Seats   unknown, as no validator answers\n" in shown.stdout
    assert "0 of 0" not in shown.stdout
    assert "Missing one\n" in shown.stdout


def test_regression_what_init_says_can_be_started(needs_validator, tmp_path):
    root = tmp_path / "c mit Leerzeichen ü"
    made = run_command("network", "init", root, "--validators", 1)
    assert f"Start   fabmarket network up {shlex.quote(str(root))}\n" in made.stdout
    assert run_command("network", "down", root, "--remove").code == 0


@pytest.mark.parametrize("words", [("agree", "close", "send"), ("agreed",)])
def test_regression_two_chains_are_not_named_at_once(root, tmp_path, words):
    """The network was passed over, and a vote went out on the other chain."""
    ran = run_command(
        *("network", *words, "--network", root, "--engine", "http://127.0.0.1:9"),
        *(("--chain-id", 1, "--keystore", tmp_path / "none") if words[0] == "agree" else ()),
    )
    refused(ran, "--engine and --network name two chains; give one of them")


def test_a_passphrase_for_no_keystore_is_refused(root, tmp_path):
    options = ("--network", root, "--passphrase-file", tmp_path / "none")
    ran = run_command("network", "agree", "close", "send", *options)
    refused(ran, "--passphrase-file opens --keystore")


def test_regression_a_price_that_the_contract_does_not_take_is_refused_at_once(tmp_path):
    """`init` took up to 10^18 wei, and the chain did not begin."""
    root = tmp_path / "plant"
    ran = run_command("network", "init", root, "--min-gas-price", 10**12 + 1)
    refused(ran, "1000000000000")
    assert not root.exists()
