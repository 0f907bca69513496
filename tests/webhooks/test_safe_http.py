"""Addresses that strangers chose: what is never connected to, and what no receiver can do to us."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from chalicelib.kit import safe_http
from chalicelib.kit.safe_http import Answer, Session
from chalicelib.kit.safe_url import Policy, Refused, Unanswered, is_public, parse, parse_allowed, plain
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.receiver import HOST, Authority, Receiver, drip, hang, pour, raw, receiving, reset, status

# Written down a second time, from style and RFCs, so that a slip in one list shows.
NEVER = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "::/128", "::1/128", "::/96", "::ffff:0:0/97", "64:ff9b::/96",
    "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:10::/28", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
    "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
NETWORKS = [ipaddress.ip_network(block) for block in NEVER if block != "::ffff:0:0/97"]
addresses = st.sampled_from(NETWORKS).flatmap(lambda block: st.ip_addresses(network=block))


@given(addresses)
def test_no_special_address_is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert not is_public(address)
    if isinstance(address, ipaddress.IPv4Address):
        assert not is_public(ipaddress.IPv6Address(f"::ffff:{address}"))
        assert not is_public(ipaddress.IPv6Address(f"64:ff9b::{address}"))
        assert not is_public(ipaddress.IPv6Address(int.from_bytes(b"\x20\x02" + address.packed + bytes(10))))


@given(st.ip_addresses())
def test_what_is_public_is_so_by_the_standard_library_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        bare = plain(address)
        special = (bare.is_private, bare.is_multicast, bare.is_loopback, bare.is_link_local, bare.is_reserved)
        assert bare.is_global
        assert not any(special)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "::ffff:1.1.1.1"],
)
def test_the_public_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.test", "//hooks.test/", "ftp://hooks.test/", "file:///etc/passwd", "https://", "https:///x",
        "https://user@hooks.test/", "https://user:secret@hooks.test/", "https://hooks.test:0/", "https://hooks.test:x/",
        "https://hooks.test:70000/", "https://hooks test/", "https://hooks.test/\r\nx: y", "https://hooks.test\\@other/",
        "https://hooks.test/#f", "https://[::1%25eth0]/", "https://[::g]/", "https://hoo\x00ks.test/", "https://ho\u2024\u2024oks/",
        "https://-hooks.test/", "https://a" + "b" * 300 + ".test/",
    ],
)  # fmt: skip
def test_a_url_that_could_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://hooks.test", "hooks.test", 443, "/"),
        ("HTTPS://Hooks.Test./a?b=c d".replace(" ", "%20"), "hooks.test", 443, "/a?b=c%20d"),
        ("https://bücher.example/ü", "xn--bcher-kva.example", 443, "/%C3%BC"),
        ("https://hooks.test:8443/x", "hooks.test", 8443, "/x"),
        ("https://[2606:4700::1]/", "2606:4700::1", 443, "/"),
        ("https://①②⑦.⓪.⓪.①/", "127.0.0.1", 443, "/"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, path: str) -> None:
    target = parse(url)
    assert (target.host, target.port, target.path) == (host, port, path)


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "a b/c", "host:0", "host:99999", "[::1", "https://x", ":"])
def test_an_entry_that_allows_nothing_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="not a host, a network or a port"):
        parse_allowed(f"localhost:80,{entry}")


def policy(authority: Authority, allow: str = "", *, resolve: Sequence[str] = ("127.0.0.1",)) -> Policy:
    return Policy(authority.trusting(), parse_allowed(allow), lambda _host, _port: resolve)


def post(url: str, rules: Policy, timeout: float = 5.0, body: bytes = b"{}") -> Answer:
    with Session(parse(url), rules, timeout) as session:
        return session.post({"content-type": "application/json"}, body)


@pytest.mark.parametrize(
    ("url", "allow", "addresses"),
    [
        ("https://hooks.test/", "", ["127.0.0.1"]),
        ("https://hooks.test/", "", ["1.1.1.1", "10.0.0.1"]),
        ("https://hooks.test/", "", ["::ffff:169.254.169.254"]),
        ("https://hooks.test/", "", ["fe80::1%eth0"]),
        ("https://127.0.0.1/", "", []),
        ("https://[::1]/", "", []),
        ("https://[::ffff:7f00:1]/", "", []),
        ("https://hooks.test:8443/", "", ["1.1.1.1"]),
        ("http://hooks.test/", "", ["1.1.1.1"]),
        ("http://hooks.test:443/", "", ["1.1.1.1"]),
        ("http://hooks.test:8443/", ":8443", ["1.1.1.1"]),
        ("https://hooks.test:8443/", ":8443", ["127.0.0.1"]),
        ("https://hooks.test:9001/", "127.0.0.1:9000", ["127.0.0.1"]),
        ("https://hooks.test:9000/", "127.0.0.1:9000", ["127.0.0.1", "127.0.0.2"]),
        ("https://other.test/", "hooks.test", ["127.0.0.1"]),
        ("https://hooks.test/", "[::1]", ["127.0.0.1"]),
    ],
)
def test_what_is_not_allowed_is_not_connected_to(
    url: str, allow: str, addresses: list[str], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("it connected")

    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(Refused) as refusal:
        post(url, policy(authority, allow, resolve=addresses))
    assert not any(address in str(refusal.value) for address in addresses), "it tells what a name stands for"


@pytest.mark.parametrize("written", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost"])
def test_other_ways_to_write_this_machine_lead_nowhere(written: str, authority: Authority) -> None:
    with pytest.raises(Refused):
        post(f"https://{written}/", Policy(authority.trusting()))


def test_the_very_address_that_was_judged_is_called(receiver: Receiver, authority: Authority) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    rebinding = Policy(
        authority.trusting(), parse_allowed(f"127.0.0.1:{receiver.port}"), lambda _host, _port: next(answers)
    )
    assert post(receiver.url, rebinding).status == 200
    with pytest.raises(Refused):
        post(receiver.url, rebinding)
    (request,) = receiver.requests
    assert request.headers["host"] == f"{HOST}:{receiver.port}"
    assert request.path == "/hook?who=us"


def test_plain_http_is_for_what_is_listed(authority: Authority) -> None:
    with receiving(None) as receiver:
        url = f"http://localhost:{receiver.port}/"
        assert post(url, policy(authority, f"localhost:{receiver.port}")).status == 200
        assert post(url, policy(authority, "127.0.0.0/8")).status == 200
        with pytest.raises(Refused, match="https"):
            post(url, policy(authority))


def allowed(receiver: Receiver, authority: Authority) -> Policy:
    return policy(authority, f"127.0.0.1:{receiver.port}")


def test_no_redirect_is_followed(receiver: Receiver, authority: Authority) -> None:
    receiver.script = [status(301, location="http://169.254.169.254/latest/meta-data/")]
    assert post(receiver.url, allowed(receiver, authority)).status == 301
    assert len(receiver.requests) == 1


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(receiver.url, allowed(receiver, authority)).status == 200


@pytest.mark.parametrize(
    "step",
    [hang, drip(b""), drip(b"HTTP/1.1 200 OK\r\nx-slow: ")],
    ids=["says nothing", "drips a status line", "drips a header"],
)
def test_an_answer_that_does_not_come_is_given_up_in_time(
    step: object, receiver: Receiver, authority: Authority
) -> None:
    receiver.script = [step]  # type: ignore[list-item]
    started = time.monotonic()
    with pytest.raises(Unanswered, match=r"no answer within 0.3 seconds|not HTTP"):
        post(receiver.url, allowed(receiver, authority), timeout=0.3)
    assert time.monotonic() - started < 2


def test_a_status_counts_even_if_its_body_never_ends(
    receiver: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safe_http, "BODY_SECONDS", 0.2)
    receiver.script = [drip(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")]
    started = time.monotonic()
    assert post(receiver.url, allowed(receiver, authority)).status == 200
    assert time.monotonic() - started < 2


def test_of_a_huge_answer_the_beginning_is_read(receiver: Receiver, authority: Authority) -> None:
    receiver.script = [pour]
    assert post(receiver.url, allowed(receiver, authority)).body == b"y" * 65536


def test_a_packed_answer_stays_packed(receiver: Receiver, authority: Authority) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    receiver.script = [status(200, bomb, content_encoding="gzip")]
    assert post(receiver.url, allowed(receiver, authority)).body == bomb[:65536]
    assert receiver.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 70000, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "not HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n", "not HTTP"),
    ],
)
def test_what_is_no_http_answer_is_none(answer: bytes, words: str, receiver: Receiver, authority: Authority) -> None:
    receiver.script = [raw(answer)]
    with pytest.raises(Unanswered, match=words):
        post(receiver.url, allowed(receiver, authority))


def test_a_connection_that_is_torn_down_is_told(receiver: Receiver, authority: Authority) -> None:
    receiver.script = [reset]
    with pytest.raises(Unanswered, match="closed without an answer"):
        post(receiver.url, allowed(receiver, authority))


def test_a_certificate_for_another_name_is_refused(authority: Authority) -> None:
    with receiving(authority.server("other.test")) as receiver, pytest.raises(Unanswered, match="certificate"):
        post(receiver.url, allowed(receiver, authority))
    assert receiver.requests == []


def test_a_certificate_of_nobody_we_trust_is_refused(receiver: Receiver, authority: Authority, tmp_path: Path) -> None:
    strangers = Authority.found(tmp_path)
    with pytest.raises(Unanswered, match="certificate"):
        post(receiver.url, allowed(receiver, strangers))
    assert receiver.requests == []


def test_a_name_that_cannot_be_resolved_is_told(authority: Authority) -> None:
    def fail(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror

    for resolve, words in ((fail, "cannot be resolved"), (lambda _h, _p: [], "no address")):
        with pytest.raises(Unanswered, match=words):
            post("https://hooks.test/", Policy(authority.trusting(), (), resolve))


def test_a_name_server_that_hangs_takes_no_longer_than_the_rest(authority: Authority, receiver: Receiver) -> None:
    def slow(_host: str, _port: int) -> Sequence[str]:
        receiver.closing.wait(10)
        return []

    with pytest.raises(Unanswered, match="name server"):
        post("https://hooks.test/", Policy(authority.trusting(), (), slow), timeout=0.2)


def test_the_next_address_is_tried_where_one_does_not_answer(receiver: Receiver, authority: Authority) -> None:
    rules = policy(authority, "127.0.0.0/8", resolve=["127.0.0.9", "127.0.0.1"])
    assert post(receiver.url, rules).status == 200


def test_a_connection_is_kept_and_replaced_when_it_was_closed(receiver: Receiver, authority: Authority) -> None:
    with Session(parse(receiver.url), allowed(receiver, authority), 5) as session:
        receiver.script = [
            status(200, b"one"),
            status(204),
            status(200, b"three", connection="close"),
            status(200),
            reset,
        ]
        said = [session.post({}, b"{}").status for _ in range(4)]
        assert session.post({}, b"{}").status == 200  # torn down, and asked once more over a new one
    assert said == [200, 204, 200, 200]
    connections = [request.connection for request in receiver.requests]
    assert connections[0] == connections[1] == connections[2]
    assert len(set(connections)) == 3


def test_a_header_cannot_be_broken_out_of(receiver: Receiver, authority: Authority) -> None:
    with Session(parse(receiver.url), allowed(receiver, authority), 5) as session, pytest.raises(Unanswered):
        session.post({"x": "a\r\nhost: evil"}, b"")
    assert receiver.requests == []
