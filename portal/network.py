"""Where a request comes from: the socket's peer, or what a trusted proxy says, by hop; and the zone of that address."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from portal.domain.lockout import Zone

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"
"""The address of whoever has none that can be read: in no network, so from the internet."""
WITH_PORT = re.compile(r"\s*(?:\[(?P<six>[^\[\]]+)\]|(?P<four>[\d.]+))(?::\d{1,5})?\s*", re.ASCII)


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks from their texts. Raises ValueError for one that is none."""
    return tuple(ip_network(text, strict=False) for text in texts)


def plain(text: str) -> Address | None:
    """An address from its text, IPv4 out of its IPv6-mapped form; None for what is no address."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``."""
    address = plain(host)
    return host == "localhost" if address is None else address.is_loopback


def _hop(text: str) -> Address | None:
    """An address as a proxy writes it: plain, in brackets, or with a port behind it."""
    found = WITH_PORT.fullmatch(text)
    return plain(found["six"] or found["four"]) if found else plain(text)


def _within(address: Address, known: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in known)


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The client's address: from the socket inwards, past each proxy listed as trusted, up to the first that is not.

    ``forwarded_for`` has the header's lines in their order; anything in it that a trusted proxy did not write is
    out of reach of this walk, and so cannot be forged by the client. A hop that a trusted proxy wrote and nobody can
    read makes the client unknown: the proxy's own address would put a stranger into the proxy's zone. Without a hop
    the request comes from the proxy's machine itself.
    """
    here = plain(peer)
    if here is None:
        return peer or UNKNOWN
    hops = [hop for line in forwarded_for for hop in line.split(",")]
    while _within(here, trusted) and hops:
        before = _hop(hops.pop())
        if before is None:
            return UNKNOWN
        here = before
    return str(here)


def counted_as(address: str) -> str:
    """Whoever one address stands for: of IPv6 its /64, which a home or an office is given whole."""
    known = plain(address)
    return str(ip_network((known, 64), strict=False)) if isinstance(known, IPv6Address) else str(known or address)


def zone_of(address: str, private: Sequence[Network]) -> Zone:
    """The zone of an address; without private networks there is one zone, the internet."""
    known = plain(address)
    return Zone.PRIVATE if known is not None and _within(known, private) else Zone.INTERNET
