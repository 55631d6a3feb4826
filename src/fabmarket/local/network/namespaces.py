"""Network namespaces: each validator on a network card of its own, as on a machine of its own.

All are on one bridge, which this machine is on as well: what is at their addresses is reached from
here, and one of them can be cut off from the others.
"""

import os
import shutil
import subprocess

from fabmarket.errors import Refused, TryAgain
from fabmarket.local.network.files import Facts, Validator

_FIRST = 10
"""The first validator's number in its subnet."""


class NoNamespaces(Refused):
    """This machine gives no network namespaces, or not to us."""


def require() -> None:
    """Raise NoNamespaces unless they can be made here."""
    if shutil.which("ip") is None:
        raise NoNamespaces("network namespaces need the program ip, of Debian's iproute2")
    if os.geteuid() != 0:
        raise NoNamespaces("network namespaces need root; leave --namespaces out, or be root")
    probe = f"fab-probe-{os.getpid()}"
    _ip("netns", "add", probe)
    _ip("netns", "delete", probe)


def free_subnet() -> str:
    """Return what the addresses of a new network begin with."""
    for at in range(256):
        if not _is_there(_bridge(f"10.77.{at}")):
            return f"10.77.{at}"
    raise TryAgain(
        "all 256 subnets of 10.77 have a network; end one with fabmarket network down DIR"
    )


def host(subnet: str, at: int) -> str:
    """Return the address of a network's validator by its number, from 0 on."""
    return f"{subnet}.{_FIRST + at}"


def next_number(facts: Facts) -> int:
    """Return the number of the validator that comes next."""
    return max(_number(each) for each in facts.validators) + 1


def namespace(facts: Facts, validator: Validator) -> str:
    """Return the name of a validator's network namespace."""
    return f"{_bridge(facts.subnet)}-{_number(validator)}"


def set_up(facts: Facts) -> None:
    """Make what is missing of a network's bridge, namespaces and cards. Raises NoNamespaces."""
    bridge = _bridge(facts.subnet)
    if not _is_there(bridge):
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", f"{facts.subnet}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
    for each in facts.validators:
        inner, outer = namespace(facts, each), card(facts, each)
        if _is_there(outer) and _is_namespace(inner):
            continue
        take_away(facts, each)
        address = f"{host(facts.subnet, _number(each))}/24"
        _ip("netns", "add", inner)
        _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", inner)
        _ip("-n", inner, "address", "add", address, "dev", "eth0")
        for link in ("lo", "eth0"):
            _ip("-n", inner, "link", "set", link, "up")
        _ip("link", "set", outer, "master", bridge, "up")


def take_down(facts: Facts) -> None:
    """Remove all of that again."""
    for each in facts.validators:
        take_away(facts, each)
    bridge = _bridge(facts.subnet)
    if _is_there(bridge):
        _ip("link", "delete", bridge)


def take_away(facts: Facts, validator: Validator) -> None:
    """Remove a validator's namespace and its card, which some systems would leave for long."""
    if _is_there(card(facts, validator)):
        _ip("link", "delete", card(facts, validator))
    name = namespace(facts, validator)
    if _is_namespace(name):
        _ip("netns", "delete", name)


def card(facts: Facts, validator: Validator) -> str:
    """Return the name of a validator's network card on this machine's side: down, it is cut off."""
    return f"{_bridge(facts.subnet)}v{_number(validator)}"


def _bridge(subnet: str) -> str:
    return f"fab{subnet.rpartition('.')[2]}"


def _number(validator: Validator) -> int:
    return int(validator.peer.partition(":")[0].rpartition(".")[2]) - _FIRST


def _is_there(link: str) -> bool:
    return os.path.exists(f"/sys/class/net/{link}")


def _is_namespace(name: str) -> bool:
    return os.path.exists(f"/run/netns/{name}")


def _ip(*arguments: str) -> None:
    ran = subprocess.run(  # noqa: S603
        ["ip", *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        said = " ".join(ran.stderr.split())
        raise NoNamespaces(f"ip {' '.join(arguments)} failed ({said}); leave --namespaces out")
