"""An HTTPS server that behaves as badly as it is told to, and the authority that vouches for it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "hooks.test"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of a test. `ca` is its file; `contexts` are those of servers, by the name they have."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def server(self, name: str = HOST) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem")
        return context

    @classmethod
    def found(cls, folder: Path, *names: str) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = _name("Test authority")
        _write(folder / "ca.pem", _certificate(issuer, issuer, key.public_key(), key, None))
        for name in names:
            own = ec.generate_private_key(ec.SECP256R1())
            certificate = _certificate(_name(name), issuer, own.public_key(), key, name)
            _write(folder / f"{name}.pem", certificate, own)
        return cls(folder)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    by: ec.EllipticCurvePrivateKey,
    host: str | None,
) -> x509.Certificate:
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if host is None:
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        made = made.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
    else:
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == HOST:
            names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(by, hashes.SHA256())


def _write(path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | None = None) -> None:
    text = certificate.public_bytes(serialization.Encoding.PEM)
    if key is not None:
        text += key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    path.write_bytes(text)


@dataclass(frozen=True)
class Received:
    """One request, with its headers by lower-case name."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


Step = Callable[["Handler"], None]


@dataclass
class Receiver:
    """What has come, and what is answered: each entry of `script` to one request, then `always`."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    script: list[Step] = field(default_factory=list)
    always: Step | None = None
    arrived: threading.Condition = field(default_factory=threading.Condition)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/hook?who=us"

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.requests) >= count, 10), f"{len(self.requests)} requests came"

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        receiver = self.receiver
        headers = {name.lower(): value for name, value in self.headers.items()}
        with receiver.arrived:
            receiver.requests.append(Received(self.path, headers, body, self.client_address[1]))
            step = receiver.script.pop(0) if receiver.script else receiver.always or status(200)
            receiver.arrived.notify_all()
        step(self)

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[Any, Any]:
        line, address = super().get_request()
        if self.context is not None:
            line = self.context.wrap_socket(line, server_side=True, do_handshake_on_connect=False)
        line.settimeout(10)
        return line, address

    def handle_error(self, *_: Any) -> None:
        """The other side went away, or did not like the certificate."""


@contextlib.contextmanager
def receiving(context: ssl.SSLContext | None) -> Iterator[Receiver]:
    """A receiver on a loopback port, over plain HTTP without a context."""
    receiver = Receiver()
    handler = type("Bound", (Handler,), {"receiver": receiver})
    server = _Server(("127.0.0.1", 0), handler)
    server.context = context
    receiver.port = server.server_address[1]
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        serving.join()
        server.server_close()  # waits for what is under way


def status(code: int, body: bytes = b"", **headers: str) -> Step:
    """An answer as it should be."""

    def step(handler: Handler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return step


def hang(handler: Handler) -> None:
    """No answer at all, until the test is over."""
    _give_up(handler)
    handler.receiver.closing.wait(20)


def drip(beginning: bytes) -> Step:
    """An answer that never ends, one octet at a time."""

    def step(handler: Handler) -> None:
        _give_up(handler)
        handler.wfile.write(beginning)
        with contextlib.suppress(OSError):
            while not handler.receiver.closing.wait(0.02):
                handler.wfile.write(b"x")

    return step


def reset(handler: Handler) -> None:
    """The connection is torn down."""
    _give_up(handler)
    line = handler.connection
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.rfile.close()
    line.close()


def pour(handler: Handler) -> None:
    """A body without end, as fast as it is taken."""
    _give_up(handler)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n")
    with contextlib.suppress(OSError):
        while not handler.receiver.closing.is_set():
            handler.wfile.write(b"y" * 65536)


def raw(answer: bytes) -> Step:
    """These octets, then the end."""

    def step(handler: Handler) -> None:
        _give_up(handler)
        handler.wfile.write(answer)

    return step


def hold(gate: threading.Event) -> Step:
    """200, but not before the gate is open."""

    def step(handler: Handler) -> None:
        gate.wait(10)
        status(200)(handler)

    return step


def _give_up(handler: Handler) -> None:
    handler.close_connection = True
