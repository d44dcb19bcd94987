"""The webhook against a real server on this machine, and against addresses that it must never reach."""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from remit.core.errors import BadInput, Unavailable
from remit.core.notice import Notice
from remit.sinks import wire
from remit.sinks.signature import signature, verify
from remit.sinks.webhook import Webhook
from remit.sinks.wire import refused_address

from .receivers import GUARD_S, HttpReceiver, nobody

SECRET = "a secret of some length"
NOTICE = Notice("n-1", "held", 1, {"id": "n-1", "kind": "held", "text": "grüße \u202e"})


@pytest.fixture(autouse=True)
def _no_leave_from_the_environment(monkeypatch):
    monkeypatch.delenv(wire.ALLOW_LOCAL, raising=False)


@pytest.fixture
def receiver():
    server = HttpReceiver()
    yield server
    server.close()


def hook(receiver, **fields):
    return Webhook(f"http://127.0.0.1:{receiver.port}/in?x=1", SECRET, allow_private=True, **fields)


def test_a_notice_is_posted_as_json_with_its_id_and_a_signature_that_the_receiver_can_check(receiver):
    hook(receiver, clock=lambda: 1_700_000_000.9).send(NOTICE)

    ((path, headers, body),) = receiver.requests
    assert path == "/in?x=1"
    assert json.loads(body) == dict(NOTICE.payload)
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Remit-Delivery"] == "n-1"
    assert headers["X-Remit-Signature"].startswith("t=1700000000,v1=")
    assert verify(SECRET, headers["X-Remit-Signature"], body, now=1_700_000_010.0)


@pytest.mark.parametrize(
    ("header", "body", "now"),
    [
        (signature("another secret", b"{}", 1000), b"{}", 1000.0),
        (signature(SECRET, b"{}", 1000), b"{ }", 1000.0),
        (signature(SECRET, b"{}", 1000), b"{}", 1301.0),
        (signature(SECRET, b"{}", 1000), b"{}", 699.0),
        (signature(SECRET, b"{}", 1000).replace("t=1000", "t=1001"), b"{}", 1000.0),
        ("t=,v1=", b"{}", 1000.0),
        ("", b"{}", 1000.0),
        ("t=١٠٠٠,v1=ü", b"{}", 1000.0),
    ],
    ids=["secret", "body", "too old", "from the future", "stamp", "empty", "none", "other digits"],
)
def test_a_signature_holds_for_these_bytes_this_secret_and_this_time_only(header, body, now):
    assert not verify(SECRET, header, body, now)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver, status):
    receiver.status, receiver.headers = status, {"Location": f"http://127.0.0.1:{receiver.port}/other"}

    with pytest.raises(Unavailable, match="redirects are not followed"):
        hook(receiver).send(NOTICE)

    assert len(receiver.requests) == 1


def test_a_refusal_says_why_escaped_and_cut_and_when_to_come_back(receiver):
    receiver.status, receiver.headers = 503, {"Retry-After": "120"}
    receiver.body = b"\x1b[31mbusy " + b"x" * 1_000_000

    with pytest.raises(Unavailable, match=r"answered 503: \\x1b\[31mbusy") as caught:
        hook(receiver).send(NOTICE)

    assert caught.value.retry_after_s == 120.0
    assert len(str(caught.value)) < 400


def test_the_path_of_a_url_is_a_secret_and_stands_in_no_error(receiver):
    receiver.status = 404

    with pytest.raises(Unavailable) as caught:
        hook(receiver).send(NOTICE)

    assert "/in" not in str(caught.value)


def test_a_receiver_that_sends_byte_by_byte_is_cut_off_in_time(monkeypatch):
    monkeypatch.setattr(wire, "TIMEOUT_S", 0.4)
    listener = socket.create_server(("127.0.0.1", 0))
    cut_off = threading.Event()

    def drip():
        peer, _ = listener.accept()
        with peer:
            for _ in range(int(GUARD_S / 0.05)):
                try:
                    peer.send(b"H")
                except OSError:
                    cut_off.set()
                    return
                time.sleep(0.05)

    dripping = threading.Thread(target=drip, daemon=True)
    dripping.start()
    with pytest.raises(Unavailable, match="no whole answer in"):
        Webhook(f"http://127.0.0.1:{listener.getsockname()[1]}/", SECRET, allow_private=True).send(NOTICE)

    dripping.join()
    assert cut_off.is_set()
    listener.close()


def test_a_receiver_that_takes_the_connection_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(wire, "TIMEOUT_S", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(Unavailable, match="no whole answer in"),
    ):
        Webhook(f"http://127.0.0.1:{listener.getsockname()[1]}/", SECRET, allow_private=True).send(NOTICE)


def test_nobody_listening_is_unavailable():
    with nobody() as (port, _), pytest.raises(Unavailable, match="refused"):
        Webhook(f"http://127.0.0.1:{port}/", SECRET, allow_private=True).send(NOTICE)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://hooks.example/x", "not https"),
        ("http://127.0.0.1:9/", "not https"),
        ("ftp://hooks.example/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://127.0.0.1/", "scheme"),
        ("https://", "scheme"),
        ("//hooks.example", "scheme"),
        ("https://user:pass@hooks.example/", "name or password"),
        ("https://hooks.example@169.254.169.254/", "name or password"),
        ("https://hooks.example:99999/", "no URL"),
        ("https://hooks.example/\r\nHost: x", "characters"),
        ("https://hooks.example\\@evil.example/", "characters"),
        ("https://höoks.example/", "ASCII"),
        ("", "scheme"),
    ],
)
def test_a_url_that_is_no_plain_https_address_is_refused_when_it_is_set(url, told):
    with pytest.raises(BadInput, match=told):
        Webhook(url, SECRET)


def test_a_webhook_without_a_secret_is_refused_when_it_is_set():
    with pytest.raises(BadInput, match="webhook_secret"):
        Webhook("https://hooks.example/", "")


def test_http_reaches_loopback_only_even_where_private_networks_are_allowed():
    with pytest.raises(BadInput, match="not https"):
        Webhook("http://10.0.0.8/", SECRET, allow_private=True)
    lying = Webhook("http://localhost:9/", SECRET, allow_private=True, resolve=lambda *_: ["10.0.0.8"])
    with pytest.raises(Unavailable, match="http reaches loopback only"):
        lying.send(NOTICE)


def test_the_environment_can_permit_this_machine(receiver, monkeypatch):
    monkeypatch.setenv(wire.ALLOW_LOCAL, "1")

    Webhook(f"http://127.0.0.1:{receiver.port}/", SECRET).send(NOTICE)

    assert len(receiver.requests) == 1


NEVER = [
    "169.254.169.254",
    "169.254.170.2",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "0.0.0.0",
    "0.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "::",
    "ff02::1",
    "ff0e::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "::a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "fec0::1",
    "100::1",
    "fd00:ec2::254",
    "fe80::1%eth0",
    "not-an-address",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
]
PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.9.9",
    "192.168.1.1",
    "fc00::1",
    "fd12::1",
]


@pytest.mark.parametrize("address", NEVER)
def test_link_local_metadata_multicast_reserved_and_disguised_addresses_are_never_reached(address):
    assert refused_address(address, allow_private=False)
    assert refused_address(address, allow_private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_reached_only_where_that_is_allowed(address):
    assert refused_address(address, allow_private=False)
    assert not refused_address(address, allow_private=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111"])
def test_public_addresses_are_reached(address):
    assert not refused_address(address, allow_private=False)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "017700000001", "127.1", "localhost"])
def test_other_spellings_of_loopback_are_caught_by_what_they_resolve_to(host):
    with pytest.raises(Unavailable, match=r"resolve"):
        Webhook(f"https://{host}:9/", SECRET).send(NOTICE)


def test_a_name_with_one_private_address_among_public_ones_is_refused_whole(monkeypatch):
    monkeypatch.setattr(wire, "_connect", lambda *_: pytest.fail("connected"))

    trick = Webhook("https://hooks.example/", SECRET, resolve=lambda *_: ["8.8.8.8", "127.0.0.1"])

    with pytest.raises(Unavailable, match="private address"):
        trick.send(NOTICE)


def test_the_name_is_resolved_once_and_the_checked_address_is_the_one_connected_to(receiver, monkeypatch):
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.6.6.6"]

    monkeypatch.setattr(socket, "getaddrinfo", _numeric_only(socket.getaddrinfo))
    Webhook(f"http://localhost:{receiver.port}/", SECRET, True, resolve=resolve).send(NOTICE)

    assert asked == ["localhost"]
    assert receiver.requests[0][1]["Host"] == f"localhost:{receiver.port}"


def _numeric_only(real):
    def look(host, *rest, **fields):
        assert host == "127.0.0.1", f"{host} was looked up again"
        return real(host, *rest, **fields)

    return look


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder


@pytest.fixture
def secure_receiver(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server = HttpReceiver(context)
    yield server
    server.close()


def test_https_checks_the_certificate_for_the_name_and_connects_to_the_pinned_address(
    secure_receiver, certificate
):
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    url = f"https://hooks.example:{secure_receiver.port}/x"

    Webhook(url, SECRET, True, context=trusting, resolve=lambda *_: ["127.0.0.1"]).send(NOTICE)

    assert secure_receiver.requests[0][1]["Host"] == f"hooks.example:{secure_receiver.port}"


def test_https_refuses_a_certificate_of_another_name_or_of_nobody_known(secure_receiver, certificate):
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    other = f"https://other.example:{secure_receiver.port}/"
    right = f"https://hooks.example:{secure_receiver.port}/"

    for url, context in ((other, trusting), (right, None)):
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            Webhook(url, SECRET, True, context=context, resolve=lambda *_: ["127.0.0.1"]).send(NOTICE)

    assert secure_receiver.requests == []


def test_probing_connects_and_sends_nothing(receiver):
    assert hook(receiver).probe() == "127.0.0.1"
    assert receiver.requests == []
