"""Keystores: written once, for their owner alone, and opened by their passphrase."""

import json
import os
import stat

import pytest
from eth_account import Account

from fabmarket.identity import Key
from fabmarket.identity.keystore import BadKeystore, address_of_keystore, create, unlock

KEY = Key.derive("keystore tests", "somebody")
PASSPHRASE = "Käse & 7 horses"  # noqa: S105


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("keystore") / "keystore.json"
    create(path, KEY, PASSPHRASE)
    return path


def test_what_was_written_opens_again(written):
    assert unlock(written, PASSPHRASE).address == KEY.address
    assert address_of_keystore(written) == KEY.address


def test_it_is_of_version_3_with_scrypt_and_others_read_it(written):
    stored = json.loads(written.read_text())
    assert (stored["version"], stored["crypto"]["kdf"]) == (3, "scrypt")
    assert stored["crypto"]["kdfparams"]["n"] >= 1 << 18
    assert bytes(Account.decrypt(stored, PASSPHRASE)) == KEY.reveal()


def test_nobody_else_may_open_it_and_nothing_else_is_left(written):
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert os.listdir(written.parent) == [written.name]


def test_it_does_not_show_the_secret(written):
    assert KEY.reveal().hex() not in written.read_text()


def test_a_keystore_is_never_overwritten(written):
    before = written.read_bytes()
    with pytest.raises(BadKeystore, match="never overwritten"):
        create(written, Key.derive("keystore tests", "another"), PASSPHRASE)
    assert written.read_bytes() == before


def test_one_that_comes_while_ours_is_encrypted_stays(tmp_path, monkeypatch):
    path = tmp_path / "keystore.json"
    encrypt = Account.encrypt

    def slow(*given, **named):
        path.write_text("another's")
        return encrypt(*given, **named)

    monkeypatch.setattr(Account, "encrypt", slow)
    with pytest.raises(BadKeystore, match="never overwritten"):
        create(path, KEY, PASSPHRASE)
    assert path.read_text() == "another's"
    assert os.listdir(tmp_path) == [path.name]


def test_an_empty_passphrase_is_refused(tmp_path):
    with pytest.raises(BadKeystore, match="empty"):
        create(tmp_path / "keystore.json", KEY, "")
    assert os.listdir(tmp_path) == []


def test_another_passphrase_does_not_open_it(written):
    with pytest.raises(BadKeystore, match="the passphrase does not open it") as refused:
        unlock(written, "correct horse")
    assert "correct horse" not in str(refused.value)


def test_where_there_is_none_the_remedy_is_said(tmp_path):
    with pytest.raises(BadKeystore, match="there is no keystore; run `fabmarket init`"):
        unlock(tmp_path / "keystore.json", PASSPHRASE)


def test_one_that_others_may_open_is_refused(written, tmp_path):
    path = tmp_path / "keystore.json"
    path.write_bytes(written.read_bytes())
    path.chmod(0o640)
    with pytest.raises(BadKeystore, match="chmod 600"):
        unlock(path, PASSPHRASE)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "{}", '{"version":3}', '{"version":1,"crypto":{"kdf":"scrypt"}}']
)
def test_what_is_no_keystore_is_refused(tmp_path, text):
    path = tmp_path / "keystore.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadKeystore, match="is no keystore of version 3"):
        unlock(path, PASSPHRASE)
    assert address_of_keystore(path) is None


def test_a_damaged_one_is_refused(written, tmp_path):
    stored = json.loads(written.read_text())
    del stored["crypto"]["kdfparams"]["salt"]
    path = tmp_path / "keystore.json"
    path.write_text(json.dumps(stored))
    path.chmod(0o600)
    with pytest.raises(BadKeystore, match="is damaged"):
        unlock(path, PASSPHRASE)
