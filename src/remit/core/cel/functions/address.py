"""IP addresses and networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeAlias

from remit.core.cel.errors import ConditionError
from remit.core.cel.functions.url import host_name
from remit.core.cel.functions.words import words

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"

_MAX: Final = 64
# Reserved for private use (RFC 6761, 6762, 7686, 8375, ICANN), or known to resolve to any address one likes.
_LOCAL_NAMES: Final = words("""
    localhost local localdomain internal intranet private corp home lan mail home.arpa test invalid onion alt consul svc
    nip.io sslip.io xip.io localtest.me lvh.me traefik.me
    """)
# Not reachable from the public network, and called global by some versions of `ipaddress`.
_NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::ffff:0:0:0/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_LINK_LOCAL_MULTICAST: Final = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))
_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")
_V4_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")


def public_address(name: str) -> bool:
    """Whether an IP address is on the public network; true for a host name, except local ones.

    Local are names without a dot, those below names reserved for private use, such as ``.internal``, and those below
    services that resolve to any address, such as ``nip.io``. Any other name can resolve to a private address, too:
    use it with `domain_in`, and leave DNS to egress control.

    >>> public_address("8.8.8.8"), public_address("169.254.169.254"), public_address("::ffff:10.0.0.1")
    (True, False, False)
    """
    return _public(host_name(name))


def ip(text: str) -> Address:
    """An IP address, without zone, and IPv4 not written as IPv6.

    >>> str(ip("10.0.0.1"))
    '10.0.0.1'
    """
    _limit(text)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ConditionError("ip: not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address.scope_id):
        raise ConditionError("ip: write IPv4 as 1.2.3.4, and no zone")
    return address


def cidr(text: str) -> Network:
    """A network such as ``10.0.0.0/8``, with no bits set beyond its prefix.

    >>> contains_ip(cidr("10.0.0.0/8"), "10.1.2.3")
    True
    """
    _limit(text)
    return _network(text)


def is_ip(text: str) -> bool:
    """Whether `ip` reads the text.

    >>> is_ip("10.0.0.1"), is_ip("127.1"), is_ip("::ffff:10.0.0.1")
    (True, False, False)
    """
    return _reads(ip, text)


def is_cidr(text: str) -> bool:
    """Whether `cidr` reads the text.

    >>> is_cidr("10.0.0.0/8"), is_cidr("10.0.0.1/8")
    (True, False)
    """
    return _reads(cidr, text)


def is_canonical(text: str) -> bool:
    """Whether an address is written as it would be printed; an error for what is no address.

    >>> is_canonical("2001:db8::1"), is_canonical("2001:DB8:0:0:0:0:0:1")
    (True, False)
    """
    return str(ip(text)) == text


def contains_ip(network: Network, address: str | Address) -> bool:
    """Whether the network contains the address.

    >>> contains_ip(cidr("10.0.0.0/8"), "10.1.2.3"), contains_ip(cidr("10.0.0.0/8"), ip("::1"))
    (True, False)
    """
    return (ip(address) if isinstance(address, str) else address) in network


def contains_cidr(network: Network, other: str | Network) -> bool:
    """Whether the network contains the whole other one.

    >>> contains_cidr(cidr("10.0.0.0/8"), "10.1.0.0/16"), contains_cidr(cidr("10.1.0.0/16"), "10.0.0.0/8")
    (True, False)
    """
    inner = cidr(other) if isinstance(other, str) else other
    same = inner.version == network.version and inner.prefixlen >= network.prefixlen
    return same and inner.network_address in network


def first_ip(network: Network) -> Address:
    """The first address of the network.

    >>> str(first_ip(cidr("10.0.0.0/8")))
    '10.0.0.0'
    """
    return network.network_address


def masked(network: Network) -> Network:
    """The network itself, since `cidr` refuses bits beyond the prefix.

    >>> str(masked(cidr("10.0.0.0/8")))
    '10.0.0.0/8'
    """
    return network


def prefix_length(network: Network) -> int:
    """The number of bits that all addresses of the network share.

    >>> prefix_length(cidr("10.0.0.0/8"))
    8
    """
    return network.prefixlen


def family(address: Address) -> int:
    """4 or 6.

    >>> family(ip("::1"))
    6
    """
    return address.version


def is_unspecified(address: Address) -> bool:
    """Whether it is ``0.0.0.0`` or ``::``.

    >>> is_unspecified(ip("::"))
    True
    """
    return address.is_unspecified


def is_loopback(address: Address) -> bool:
    """Whether it is in ``127.0.0.0/8``, or ``::1``.

    >>> is_loopback(ip("127.1.2.3")), is_loopback(ip("::1"))
    (True, True)
    """
    return address.is_loopback


def is_link_local_multicast(address: Address) -> bool:
    """Whether it is in ``224.0.0.0/24`` or ``ff02::/16``.

    >>> is_link_local_multicast(ip("224.0.0.1")), is_link_local_multicast(ip("ff02::1"))
    (True, True)
    """
    return any(address in network for network in _LINK_LOCAL_MULTICAST)


def is_link_local_unicast(address: Address) -> bool:
    """Whether it is in ``169.254.0.0/16`` or ``fe80::/10``.

    >>> is_link_local_unicast(ip("169.254.169.254"))
    True
    """
    return address.is_link_local


def is_global_unicast(address: Address) -> bool:
    """Whether it is neither unspecified, loopback, link-local, multicast nor broadcast; private ones count.

    As in Kubernetes, so it is not `public_address`.

    >>> is_global_unicast(ip("10.0.0.1")), is_global_unicast(ip("255.255.255.255"))
    (True, False)
    """
    special = address.is_unspecified or address.is_loopback or address.is_link_local or address.is_multicast
    return not special and address != _BROADCAST


def _reads(reader: Callable[[str], object], text: str) -> bool:
    try:
        reader(text)
    except ConditionError:
        return False
    return True


def _limit(text: str) -> None:
    if len(text) > _MAX:
        raise ConditionError("ip: too long for an address")


@lru_cache(maxsize=4096)
def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise ConditionError("cidr: not a network such as 10.0.0.0/8") from None
    if text.partition("/")[2] != str(network.prefixlen):
        raise ConditionError("cidr: not a network such as 10.0.0.0/8")
    return network


@lru_cache(maxsize=4096)
def _public(name: str) -> bool:
    try:
        address = _unwrap(ipaddress.ip_address(name))
    except ValueError:
        parents = [name]
        while "." in parents[-1]:
            parents.append(parents[-1].partition(".")[2])
        return "." in name and _LOCAL_NAMES.isdisjoint(parents)
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_PUBLIC if network.version == address.version)
    )


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 form carries, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64 or (address in _V4_COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
