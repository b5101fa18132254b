"""Where a request comes from cannot be said by the request: only by the socket, and by proxies that are listed."""

import pytest
from flask import Flask

from portal.domain.lockout import Zone
from portal.network import client_address, counted_as, is_loopback, networks, zone_of
from portal.services.origin import origin

INTERNET = "203.0.113.7"
PRIVATE = networks(["10.0.0.0/8", "fd00::/8"])
PROXIES = networks(["192.0.2.10/32", "192.0.2.11/32", "2001:db8::10/128"])


@pytest.mark.parametrize(
    "forwarded",
    [
        [],
        ["10.0.0.1"],
        ["10.0.0.1, 10.0.0.2"],
        ["10.0.0.1", "10.0.0.2"],
        ["::ffff:10.0.0.1"],
        ["[::ffff:10.0.0.1]:443"],
        ["192.0.2.10"],
        ["10.0.0.1, 192.0.2.10"],
        ["", ","],
        ["unknown"],
    ],
)
def test_what_a_stranger_writes_into_forwarded_for_changes_nothing(forwarded):
    assert client_address(INTERNET, forwarded, PROXIES) == INTERNET


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.10", [INTERNET], INTERNET),
        ("192.0.2.10", [f"10.0.0.1, {INTERNET}"], INTERNET),
        ("192.0.2.10", ["10.0.0.1", INTERNET], INTERNET),
        ("192.0.2.10", [f"10.0.0.1, {INTERNET}, 192.0.2.11"], INTERNET),
        ("192.0.2.10", [f"{INTERNET},10.0.0.9"], "10.0.0.9"),
        ("::ffff:192.0.2.10", [INTERNET], INTERNET),
        ("2001:db8::10", ["2001:db8:ffff::1"], "2001:db8:ffff::1"),
        ("192.0.2.10", [], "192.0.2.10"),
        ("192.0.2.10", [f"{INTERNET}:50312"], INTERNET),
        ("192.0.2.10", [f"10.0.0.1, {INTERNET}:1, 192.0.2.11:443"], INTERNET),
        ("192.0.2.10", ["[2001:db8:ffff::1]:443"], "2001:db8:ffff::1"),
        ("192.0.2.10", ["[2001:db8:ffff::1]"], "2001:db8:ffff::1"),
        ("192.0.2.10", [f"[::ffff:{INTERNET}]:443"], INTERNET),
        ("192.0.2.10", ["192.0.2.11"], "192.0.2.11"),
    ],
)
def test_a_listed_proxy_is_believed_for_one_hop_and_no_further(peer, forwarded, client):
    assert client_address(peer, forwarded, PROXIES) == client


@pytest.mark.parametrize(
    "hop",
    ["nonsense", "unknown", "_hidden", "", "10.0.0.1:", "10.0.0.1:x", "10.0.0.1:123456", "[10.0.0.1", "fd00::1]:80",
     "[]:80", "10.0.0.256", "10.0.0.1;10.0.0.2", "for=10.0.0.1", "１０.0.0.1"],
)  # fmt: skip
def test_a_hop_that_cannot_be_read_makes_the_client_unknown_and_not_the_proxy(hop: str):
    client = client_address("192.0.2.10", [f"10.0.0.1, {hop}"], PROXIES)
    assert (client, zone_of(client, (*PRIVATE, *PROXIES))) == ("unknown", Zone.INTERNET)


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("10.0.0.1", Zone.PRIVATE),
        ("10.255.255.255", Zone.PRIVATE),
        ("11.0.0.0", Zone.INTERNET),
        ("9.255.255.255", Zone.INTERNET),
        ("::ffff:10.0.0.1", Zone.PRIVATE),
        ("fd12::1", Zone.PRIVATE),
        ("fd12::1%eth0", Zone.PRIVATE),
        ("fe00::1", Zone.INTERNET),
        ("127.0.0.1", Zone.INTERNET),
        ("unknown", Zone.INTERNET),
        ("", Zone.INTERNET),
        ("010.0.0.1", Zone.INTERNET),
        ("10.0.0.1, 10.0.0.2", Zone.INTERNET),
    ],
)
def test_the_private_zone_is_the_listed_networks_and_nothing_else(address, zone):
    assert zone_of(address, PRIVATE) is zone


def test_without_private_networks_there_is_one_zone_the_internet():
    assert zone_of("10.0.0.1", ()) is Zone.INTERNET
    assert zone_of("127.0.0.1", ()) is Zone.INTERNET


def test_a_network_that_is_none_is_refused():
    with pytest.raises(ValueError, match="300"):
        networks(["10.0.0.300/8"])


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-For", "10.0.0.1")],
        [("X-Forwarded-For", INTERNET), ("X-Forwarded-For", "10.0.0.1")],
        [("X-Forwarded-For", "::ffff:10.0.0.1")],
        [("Forwarded", "for=10.0.0.1")],
        [("X-Real-IP", "10.0.0.1")],
        [("X-Client-IP", "10.0.0.1")],
        [("True-Client-IP", "10.0.0.1")],
        [("CF-Connecting-IP", "10.0.0.1")],
        [("Via", "1.1 10.0.0.1"), ("X-Forwarded-Host", "10.0.0.1"), ("X-Forwarded-Proto", "https")],
    ],
)
def test_no_header_brings_a_request_from_the_internet_into_the_private_zone(app: Flask, headers):
    app.config.update(PRIVATE_NETWORKS=["10.0.0.0/8"], TRUSTED_PROXIES=["192.0.2.10/32"])
    with app.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": INTERNET}):
        here = origin()
    assert (here.address, here.zone) == (INTERNET, Zone.INTERNET)


def test_behind_a_listed_proxy_only_its_own_word_counts(app: Flask):
    app.config.update(PRIVATE_NETWORKS=["10.0.0.0/8"], TRUSTED_PROXIES=["192.0.2.10/32"])
    lines = [("X-Forwarded-For", f"10.0.0.1, {INTERNET}"), ("X-Real-IP", "10.0.0.1")]
    with app.test_request_context(headers=lines, environ_base={"REMOTE_ADDR": "192.0.2.10"}):
        assert origin().zone is Zone.INTERNET
    with app.test_request_context(
        headers=[("X-Forwarded-For", "10.0.0.1")], environ_base={"REMOTE_ADDR": "192.0.2.10"}
    ):
        assert origin().zone is Zone.PRIVATE


def test_what_only_this_machine_reaches():
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.0.1", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "", "10.0.0.1", "localhost.evil.example"))


def test_one_party_is_an_ipv4_address_or_a_64_of_ipv6():
    assert counted_as("203.0.113.7") == "203.0.113.7"
    assert counted_as("::ffff:203.0.113.7") == "203.0.113.7"
    assert counted_as("2001:db8:0:1::1") == counted_as("2001:db8:0:1:ffff:ffff:ffff:ffff") == "2001:db8:0:1::/64"
    assert counted_as("2001:db8:0:2::1") != counted_as("2001:db8:0:1::1")
    assert counted_as("unknown") == "unknown"
