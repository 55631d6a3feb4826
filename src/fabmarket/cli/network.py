"""`fabmarket network`: a consortium chain of several validators."""

import click

from fabmarket.cli import network_running as running
from fabmarket.cli import network_votes as votes


@click.group("network")
def command() -> None:
    """Run a chain of several validators that agree on every block.

    A network is on this machine, in a directory, by default fabmarket-network. It goes on while
    more than two thirds of the seats are present, and stands still, without a fork, while they are
    not. Who validates, who may deploy and send, and what gas costs is decided by the owners of the
    seats, more than two thirds of them.
    """


for each in (
    running.init_command,
    running.up_command,
    running.status_command,
    running.down_command,
    votes.add_command,
    votes.remove_command,
    votes.agree_command,
    votes.agreed_command,
):
    command.add_command(each)
