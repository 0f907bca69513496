"""Which URLs and which addresses a stranger may have us call: those out on the public internet.

`ipaddress.is_global` alone does not say which these are: depending on the version it holds for multicast, NAT64 of
127.0.0.1, 6to4 of 10.0.0.1, documentation and site-local addresses. So the special blocks are listed (IANA's registries
of special-purpose addresses), and of IPv6 nothing but global unicast is taken at all.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DENIED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; metadata of some clouds
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host, reachable from every machine there
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        # Within 2000::/3; all else of IPv6 is refused anyway, IPv4-compatible, NAT64, unique local, link-local too.
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",  # documentation
    )
)
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")

PORTS = {"https": 443, "http": 80}
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\#]")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_ENTRY = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^\[\]:]*))(?::(?P<port>\d{1,5}))?")
# What a path may hold as it is; all else is escaped.
_PATH = "/%:@!$&'()*+,;=~-._?"

Resolve = Callable[[str, int], Sequence[str]]


class Refused(Exception):  # noqa: N818  it is an answer, not a defect
    """The URL is not one that may be called; the message says why, and no address that a name stands for."""


class Unanswered(Exception):  # noqa: N818
    """There was no HTTP answer; the message says why."""


def plain(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 (`::ffff:127.0.0.1`) as what it is."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_public(address: Address) -> bool:
    """May a stranger have us connect to it?"""
    address = plain(address)
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address not in GLOBAL_UNICAST):
        return False
    return address.is_global and not any(address.version == block.version and address in block for block in DENIED)


@dataclass(frozen=True)
class Target:
    """A URL in its parts. `host` is in ASCII, without brackets; `path` has the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """Take a URL apart. Raises Refused where it could be read in two ways, or is not plain http or https."""
    if _UNSAFE.search(url):
        raise Refused("a URL holds no spaces, control characters, backslashes or fragments")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise Refused("this is not a URL") from None
    if parts.scheme not in PORTS:
        raise Refused("the URL begins with https://")
    if "@" in parts.netloc:
        raise Refused("a URL carries no user name or password")
    if port == 0:
        raise Refused("port 0 is none")
    path = quote(parts.path or "/", safe=_PATH) + (f"?{quote(parts.query, safe=_PATH)}" if parts.query else "")
    return Target(parts.scheme, _ascii_host(host), port or PORTS[parts.scheme], path)


def _ascii_host(host: str) -> str:
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host if "%" not in host else ""))
        except ValueError:
            raise Refused("the host is not an IPv6 address") from None
    if not host.isascii():
        import idna

        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            raise Refused("the host name is not one (IDNA)") from None
    if not _HOST.fullmatch(host):
        raise Refused("the host name is not one")
    return host


@dataclass(frozen=True)
class Allowed:
    """What may be called although the rules forbid it: a host or a network, and a port where one is named."""

    host: str | None
    network: Network | None
    port: int | None

    def covers(self, target: Target, address: Address) -> bool:
        if self.port not in (None, target.port):
            return False
        return self.host == target.host or (
            self.network is not None and self.network.version == address.version and address in self.network
        )


def parse_allowed(text: str) -> tuple[Allowed, ...]:
    """`10.1.0.0/16`, `[fd00::/8]:8080`, `hooks.internal:9000`, separated by commas: called over http too. `:8443`, a
    port alone, is one more for https. Raises ValueError, naming the entry that is none of these."""
    found = []
    for entry in filter(None, re.split(r"[,\s]+", text)):
        match = _ENTRY.fullmatch(entry.lower())
        port = int(match["port"]) if match and match["port"] else None
        if match is None or (port is not None and not 0 < port < 65536) or (port is None and not match[0].strip(":")):
            raise ValueError(f"not a host, a network or a port: {entry}")
        place = match["six"] or match["host"]
        try:
            network: Network | None = ipaddress.ip_network(place)
        except ValueError:
            network = None
        if network is None and place and not _HOST.fullmatch(place):
            raise ValueError(f"not a host, a network or a port: {entry}")
        found.append(Allowed(None if network else place or None, network, port))
    return tuple(found)


def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, by the system's resolver. Raises OSError."""
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class Policy:
    """What may be called, and whom to believe. `context` checks certificates."""

    context: ssl.SSLContext
    allowed: tuple[Allowed, ...] = ()
    resolve: Resolve = system_resolve

    def judge(self, target: Target, addresses: Sequence[Address]) -> None:
        """Raises Refused unless each address may be called."""
        ports = {PORTS["https"], *(each.port for each in self.allowed if each.host is None and each.network is None)}
        for address in addresses:
            if any(each.covers(target, address) for each in self.allowed):
                continue
            if target.scheme != "https":
                raise Refused("the URL begins with https://")
            if target.port not in ports:
                raise Refused(f"port {target.port} is not allowed")
            if not is_public(address):
                raise Refused("the host is not on the public internet")

    def addresses(self, target: Target, seconds: float) -> list[Address]:
        """The addresses behind a target, all judged. Raises Refused or Unanswered."""
        try:
            found: Sequence[str] = [str(ipaddress.ip_address(target.host))]
        except ValueError:
            found = _in_time(self.resolve, target, seconds)
        try:
            judged = list(dict.fromkeys(plain(ipaddress.ip_address(each)) for each in found))
        except ValueError:
            raise Refused("the host is not on the public internet") from None
        if not judged:
            raise Unanswered("the host name has no address")
        self.judge(target, judged)
        return judged


def _in_time(resolve: Resolve, target: Target, seconds: float) -> Sequence[str]:
    """Resolve in a thread of its own: the system's resolver takes no time limit."""
    found: list[Sequence[str]] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            found.append(resolve(target.host, target.port))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if failed:
        raise Unanswered("the host name cannot be resolved")
    if not found:
        raise Unanswered("the name server did not answer in time")
    return found[0]
