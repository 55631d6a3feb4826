"""Ports that a market keeps: free, different, and none that a client could be given."""

import socket

import pytest

from fabmarket.local.ports import PortTaken, free_ports, require_free


def test_ports_are_free_different_and_not_those_of_clients():
    ports = free_ports(100)
    assert len(set(ports)) == 100
    require_free(ports, "market")
    assert max(ports) < 32_768


def test_a_port_that_somebody_has_is_named():
    (port, other) = free_ports(2)
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(PortTaken, match=rf"port {port}, .* end that and start again"),
    ):
        require_free([other, port], "market")
    require_free([other, port], "market")
