"""What one host may take of a door: its letters a second, and its connections."""

import pytest

from fabmarket.node import hosts
from fabmarket.node.hosts import Places, Rates, host_of


@pytest.mark.parametrize(
    ("address", "other", "same"),
    [
        ("10.0.0.7", "10.0.0.7", True),
        ("10.0.0.7", "10.0.0.8", False),
        ("2001:db8::7", "2001:db8::f:8", True),
        ("2001:db8::7", "2001:db8:0:1::7", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_whoever_has_an_address_of_ipv6_has_all_of_its_network(address, other, same):
    assert (host_of(address) == host_of(other)) == same


def test_of_hosts_the_bound_is_kept(monkeypatch):
    monkeypatch.setattr(hosts, "MOST_HOSTS", 3)
    rates = Rates(10, 1.0)
    assert all(rates.allows(f"host {number}", 0.0) for number in range(10))
    assert len(rates._left) == 3


def test_a_bucket_fills_again():
    rates = Rates(2, 1.0)
    assert [rates.allows("host", 0.0) for _ in range(3)] == [True, True, False]
    assert [rates.allows("host", 1.5), rates.allows("host", 1.5)] == [True, False]
    assert [rates.allows("host", 99.0) for _ in range(3)] == [True, True, False]


def test_a_large_letter_counts_as_many():
    rates = Rates(10, 1.0)
    assert [rates.allows("host", 0.0, letters) for letters in (8, 3, 2, 0, 1)] == [
        *(True, False, True),
        *(True, False),
    ]


class Guest:
    def __init__(self, busy: bool = False) -> None:
        self.busy, self.is_out = busy, False

    def is_busy(self) -> bool:
        return self.busy

    def turn_out(self) -> None:
        self.is_out = True


@pytest.fixture
def places(monkeypatch) -> Places:
    monkeypatch.setattr(hosts, "MOST_CONNECTIONS", 4)
    return Places()


def taken(places, host, *guests) -> list[bool]:
    return [places.take(host, guest) for guest in guests]


def test_one_host_has_all_places_while_nobody_else_comes(places):
    assert taken(places, "eve", *(Guest() for _ in range(6))) == [True] * 4 + [False] * 2


def test_for_another_it_gives_up_one_that_is_not_busy_or_the_first(places):
    first, second, *rest = guests = [Guest(busy=True) for _ in range(4)]
    second.busy = False
    taken(places, "eve", *guests)
    assert taken(places, "anne", Guest()) == [True]
    assert [each.is_out for each in guests] == [False, True, False, False]
    assert taken(places, "bob", Guest()) == [True]
    assert [each.is_out for each in (first, *rest)] == [True, False, False]


def test_with_as_many_as_whoever_has_the_most_no_more_is_given(places):
    assert taken(places, "eve", Guest(), Guest()) == [True] * 2
    assert taken(places, "anne", Guest(), Guest(), Guest()) == [True, True, False]
    assert taken(places, "bob", Guest()) == [True]


def test_from_hosts_with_one_each_the_first_makes_room_for_another(places):
    guests = {f"host {number}": Guest() for number in range(4)}
    assert all(places.take(host, guest) for host, guest in guests.items())
    assert taken(places, "anne", Guest(), Guest()) == [True, False]
    assert [each.is_out for each in guests.values()] == [True, False, False, False]


def test_a_place_that_is_left_is_free(places):
    guest = Guest()
    taken(places, "eve", guest, *(Guest() for _ in range(3)))
    places.leave("eve", guest)
    places.leave("eve", guest)
    assert taken(places, "eve", Guest(), Guest()) == [True, False]
