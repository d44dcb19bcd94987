"""Lines of RFC 5424 at real receivers, over UDP, TCP and TLS."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading

import pytest
from hypothesis import given, settings

from remit.core.alert import Action
from remit.core.classify.classification import Team
from remit.core.errors import BadInput, Declined, Unavailable
from remit.core.routes import RouteSettings
from remit.core.types import Severity
from remit.sinks import syslog, syslog_sink
from remit.sinks.table import build

from .drawn import alert, alerts
from .receivers import GUARD_S, Authority, RawReceiver, nobody

PARAM = r' [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*"'
LINE = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<host>[!-~]{1,255}) remit -"
    rf" (?P<msgid>[!-~]{{1,32}}) \[remit@32473(?P<data>(?:{PARAM})*)\] (?P<said>.*)",
    re.DOTALL,
)
"""The grammar of RFC 5424, 6, as far as remit uses it."""


def route(scheme, port, host="127.0.0.1", **fields):
    return RouteSettings(
        "log", fields.pop("format", "syslog"), f"{scheme}://{host}:{port}", private=True, **fields
    )


def test_a_line_is_what_rfc_5424_says():
    line = syslog.syslog(alert(agent='a"]\\b'), "said", "host.example")

    found = LINE.fullmatch(line)
    assert found["pri"] == str(8 * 10 + 3)
    assert found["at"] == "2026-09-21T14:14:21.250Z"
    assert (found["host"], found["msgid"], found["said"]) == ("host.example", "trigger", "said")
    assert r' agent="a\"\]\\b"' in found["data"]


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        ({"team": Team.SRE, "severity": Severity.CRITICAL}, 8 * 3 + 2),
        ({"severity": Severity.MEDIUM}, 8 * 10 + 4),
        ({"severity": Severity.LOW}, 8 * 10 + 5),
        ({"severity": Severity.CRITICAL, "action": Action.RESOLVE}, 8 * 10 + 6),
    ],
)
def test_the_priority_tells_the_team_and_how_bad_it_is(fields, priority):
    assert syslog.syslog(alert(**fields), "x").startswith(f"<{priority}>1 ")


@settings(max_examples=80, deadline=None)
@given(alerts)
def test_every_alert_is_one_line_of_the_grammar_within_the_size_that_receivers_take(drawn):
    for most in (syslog.MOST_UDP, syslog.MOST_STREAM):
        line = syslog.syslog(drawn, syslog.told(drawn), "h", most)
        assert len(line.encode()) <= most
        found = LINE.fullmatch(line)
        assert found
        assert found["said"].startswith("\ufeff") or found["said"].isascii()
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)


def received(server, expected):
    assert server.ended.wait(GUARD_S)
    server.close()
    length, _, rest = server.got.partition(b" ")
    assert int(length) == len(rest) == len(server.got) - len(length) - 1
    found = LINE.fullmatch(rest.decode())
    assert found["said"] == expected
    assert found["host"] == socket.gethostname()
    return found


SAID = 'bank-agent: send_money refused 3 times; untrusted text of read_file explains the call: "…";'


def test_a_line_comes_whole_over_tcp_with_its_length_before_it():
    server = RawReceiver()
    build(route("syslog+tcp", server.port)).send(alert())
    received(server, f"\ufeff{SAID} remit incidents show inc-7f3a")


def test_a_line_comes_whole_over_tls_from_a_receiver_whose_authority_is_trusted(tmp_path):
    authority = Authority(tmp_path)
    server = RawReceiver(context=authority.server("siem.example"))
    told = route("syslog+tls", server.port, "siem.example", ca_file=str(authority.file))
    build(told, resolve=lambda *_: ["127.0.0.1"]).send(alert())
    received(server, f"\ufeff{SAID} remit incidents show inc-7f3a")


def test_a_tls_receiver_that_cannot_prove_its_name_gets_nothing(tmp_path):
    authority = Authority(tmp_path)
    server = RawReceiver(context=authority.server("siem.example"))
    for host, ca_file in (("other.example", str(authority.file)), ("siem.example", "")):
        with pytest.raises(Unavailable, match=r"(?i)certificate"):
            build(
                route("syslog+tls", server.port, host, ca_file=ca_file), resolve=lambda *_: ["127.0.0.1"]
            ).send(alert())
    server.close()
    assert server.got == b""


def test_a_tls_receiver_that_wants_a_certificate_of_ours_is_no_delivery(tmp_path, monkeypatch):
    monkeypatch.setattr(syslog_sink, "REFUSAL_WAIT_S", GUARD_S)  # a busy machine may be late with its no
    authority = Authority(tmp_path)
    context = authority.server("siem.example")
    context.load_verify_locations(authority.file)
    context.verify_mode = 2  # a certificate is required
    server = RawReceiver(context=context)
    told = route("syslog+tls", server.port, "siem.example", ca_file=str(authority.file))
    with pytest.raises(Unavailable):
        build(told, resolve=lambda *_: ["127.0.0.1"]).send(alert())
    server.close()


def test_json_over_syslog_is_the_whole_message_in_ascii():
    server = RawReceiver()
    build(route("syslog+tcp", server.port, format="cloudevents", content=True)).send(alert(title="grüße"))
    assert server.ended.wait(GUARD_S)
    server.close()
    said = LINE.fullmatch(server.got.partition(b" ")[2].decode())["said"]
    assert said.isascii()
    assert json.loads(said)["data"]["title"] == "grüße"


@settings(max_examples=30, deadline=None)
@given(alerts)
def test_json_over_syslog_is_never_cut_in_two(drawn):
    line = syslog_sink._fitting(drawn, lambda one: syslog_message(one), "h")
    json.loads(LINE.fullmatch(line)["said"])


def syslog_message(one):
    from remit.sinks.message import message

    return message(one)


def test_a_datagram_is_one_line():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(GUARD_S)
        build(route("syslog+udp", server.getsockname()[1])).send(alert(title="x" * 5000, steps=()))
        got = server.recv(65536)
    assert len(got) <= syslog.MOST_UDP
    assert LINE.fullmatch(got.decode())


def test_nobody_listening_is_unavailable():
    with nobody() as (tcp, udp):
        for scheme, port in (("syslog+tcp", tcp), ("syslog+udp", udp)):
            with pytest.raises(Unavailable, match=r"(?i)refused"):
                build(route(scheme, port)).send(alert())


def test_a_receiver_that_resets_the_connection_has_not_got_the_message(monkeypatch):
    monkeypatch.setattr(syslog_sink, "CLOSING_WAIT_S", GUARD_S)  # a busy machine may be late with its reset
    listener = socket.create_server(("127.0.0.1", 0))

    def reset():
        peer, _ = listener.accept()
        peer.recv(1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    threading.Thread(target=reset, daemon=True).start()
    with pytest.raises(Unavailable, match=r"(?i)reset|broken pipe|not connected"):
        build(route("syslog+tcp", listener.getsockname()[1])).send(alert())
    listener.close()


def test_a_receiver_that_keeps_the_connection_open_has_got_the_message(monkeypatch):
    monkeypatch.setattr(syslog_sink, "CLOSING_WAIT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        build(route("syslog+tcp", listener.getsockname()[1])).send(alert())
        peer, _ = listener.accept()
        with peer:
            assert LINE.fullmatch(peer.recv(65536).partition(b" ")[2].decode())


@pytest.mark.parametrize("scheme", ["syslog+tcp", "syslog+udp"])
def test_what_is_not_encrypted_leaves_no_private_network(scheme):
    told = RouteSettings("log", "syslog", f"{scheme}://log.example:514", private=True)
    with pytest.raises(Declined, match="reaches loopback and private networks only; use syslog\\+tls"):
        build(told, resolve=lambda *_: ["8.8.8.8"]).send(alert())


def test_json_takes_no_datagram_which_would_cut_it():
    with pytest.raises(BadInput, match=r"does not go over 'syslog\+udp'"):
        build(RouteSettings("log", "json", "syslog+udp://log.example:514"))
