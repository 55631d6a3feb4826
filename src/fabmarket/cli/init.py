"""`fabmarket init`: a directory for an agent, with a key of its own and settings to fill in."""

import secrets
import shlex
from pathlib import Path
from typing import cast

import click

from fabmarket.cli.inputs import InputError
from fabmarket.cli.passphrase import option, passphrase
from fabmarket.identity import Key
from fabmarket.identity.keystore import create
from fabmarket.node.settings import FILE, KEYSTORE, Role, template


@click.command(
    "init",
    epilog="""\b
Examples:
  fabmarket init supplier my-agent
  fabmarket init demander my-agent --passphrase-file secret.txt
""",
)
@click.argument("role", type=click.Choice(["supplier", "demander"]))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@option
def command(role: str, folder: Path, passphrase_file: Path | None) -> None:
    """Make a directory for an agent: its encrypted key, and settings to fill in.

    The key is drawn anew and encrypted under a passphrase. Keep both: whoever has lost one of them
    has lost the account.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists and is not empty; give a new directory")
    said = passphrase(passphrase_file, is_new=True)
    key = Key(secrets.token_bytes(32))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        create(folder / KEYSTORE, key, said)
        (folder / FILE).write_text(template(cast(Role, role)), "utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error
    click.echo(f"Address   {key.address}")
    click.echo(f"Keystore  {folder / KEYSTORE}")
    following = f"fabmarket agent {shlex.quote(str(folder))}"
    click.echo(f"Settings  {folder / FILE}: fill them in, then run {following}")
