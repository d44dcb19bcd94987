"""Receivers on this machine: HTTP, syslog over UDP, TCP and TLS, and a certificate authority that they trust."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

GUARD_S = 120.0
"""How long a test waits for what must come; no test's outcome depends on it."""


@contextmanager
def nobody() -> Iterator[tuple[int, int]]:
    """A port of TCP and one of UDP where nobody listens, and nobody else can while this lasts."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))  # bound, and never listening
        udp.bind(("127.0.0.1", 0))
        udp.connect(udp.getsockname())  # hears itself alone
        yield tcp.getsockname()[1], udp.getsockname()[1]


class HttpReceiver:
    """Keeps what it got and answers as it is told."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.headers, self.body = 200, {}, b"ok"
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class RawReceiver:
    """Says *told* to whoever connects, again and again while *forever*, and keeps what it got until it may close."""

    def __init__(
        self, told: bytes = b"", *, forever: bool = False, context: ssl.SSLContext | None = None
    ) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got = b""
        self.connections = 0
        self._told, self._forever, self._context = told, forever, context
        self._stop = threading.Event()
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while not self._stop.is_set():
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self._one(peer)
            except (OSError, ssl.SSLError):
                pass
            finally:
                self.ended.set()

    def _one(self, peer):
        with peer if self._context is None else self._context.wrap_socket(peer, server_side=True) as wire:
            if self._told:
                self.got += wire.recv(65536)
                wire.sendall(self._told)
                while self._forever and not self._stop.is_set():
                    wire.sendall(self._told)
            else:
                while piece := wire.recv(65536):
                    self.got += piece

    def close(self):
        self._stop.set()
        self.listener.close()


SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A certificate authority of the test's own, and servers' settings signed by it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's authority")])
        self.certificate = self._signed(self.name, self.key, ca=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _signed(self, name, key, *, ca=False, hosts=()):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            # From Python 3.13 on both are asked for, as RFC 5280 does.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        if ca:
            builder = builder.add_extension(SIGNS_CERTIFICATES, critical=True)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, host: str) -> ssl.SSLContext:
        """Settings of a server that shows a certificate for *host*."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            hosts = [x509.IPAddress(ipaddress.ip_address(host))]
        except ValueError:
            hosts = [x509.DNSName(host)]
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = self._signed(name, key, hosts=hosts)
        stem = self.folder / host
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (stem.with_suffix(".pem")).write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stem.with_suffix(".pem"))
        return context
