"""One POST to receivers that are down, slow, lying or talkative, and what is made of their answers."""

from __future__ import annotations

import pytest

from remit.core.errors import BadInput, Declined, Unavailable
from remit.sinks import wire
from remit.sinks.post import post
from remit.sinks.wire import SinkAddress, SinkReach, Wire

from .receivers import HttpReceiver, RawReceiver


def way(port: int, path: str = "/in/s3cret", **reach) -> Wire:
    return Wire(SinkAddress("http", "127.0.0.1", port, path), SinkReach(private=True, **reach))


@pytest.fixture
def receiver():
    server = HttpReceiver()
    yield server
    server.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422, 301, 308])
def test_an_answer_that_time_does_not_mend_is_told_as_one(receiver, status):
    receiver.status = status
    with pytest.raises(Declined, match=f"answered {status}"):
        post(way(receiver.port), b"{}", {})


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_an_answer_that_time_may_mend_is_told_as_one(receiver, status):
    receiver.status = status
    with pytest.raises(Unavailable, match=f"answered {status}") as caught:
        post(way(receiver.port), b"{}", {})
    assert not isinstance(caught.value, Declined)


@pytest.mark.parametrize(
    ("header", "waits"),
    [
        ("7", 7.0),
        ("999999", 3600.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
        ("1" * 40, None),
    ],
)
def test_a_busy_receiver_says_when_to_come_back_in_seconds_or_as_a_date(receiver, header, waits):
    receiver.status, receiver.headers = 429, {"Retry-After": header.encode().decode("latin-1")}
    with pytest.raises(Unavailable) as caught:
        post(way(receiver.port), b"{}", {}, clock=lambda: 100.0)
    assert caught.value.retry_after_s == waits


def test_a_receiver_that_quotes_its_address_and_our_key_back_shows_neither_in_the_error(receiver):
    receiver.status, receiver.body = 404, b"no /in/s3cret for key hush-hush here"
    with pytest.raises(Declined) as caught:
        post(way(receiver.port), b"{}", {}, secret="hush-hush")
    assert str(caught.value).endswith("answered 404: no … for key … here")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "é", "", " a", "a\t"])
def test_a_header_with_a_line_in_it_is_never_sent(receiver, value):
    with pytest.raises(BadInput, match="header"):
        post(way(receiver.port), b"{}", {"X-One": value})
    with pytest.raises(BadInput, match="header"):
        post(way(receiver.port), b"{}", {"X\r\nTwo": "1"})
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("told", "forever"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n", True),
        (b"X-Header: and another\r\n", True),
        (b"HTTP/1.1 20", False),
        (b"not http at all\r\n\r\n", False),
        (b"HTTP/1.1 200 OK" + b"x" * 70_000, False),
        (b"HTTP/1.1 200 OK\r\n" + b"X-H: y\r\n" * 200 + b"\r\n", False),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nhalf", False),
    ],
    ids=["continues for ever", "headers for ever", "half a status", "no http", "long", "many", "half a body"],
)
def test_a_receiver_that_lies_or_never_ends_is_unavailable(monkeypatch, told, forever):
    monkeypatch.setattr(wire, "TIMEOUT_S", 0.5)
    server = RawReceiver(told, forever=forever)
    with pytest.raises(Unavailable):
        post(way(server.port), b"{}", {})
    server.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest/meta-data/", "file:///etc/passwd", "//x"]
)
def test_a_redirect_is_told_and_never_followed(receiver, monkeypatch, status, location):
    receiver.status, receiver.headers = status, {"Location": location}
    reached = []
    connect = wire._connect
    monkeypatch.setattr(
        wire, "_connect", lambda addresses, port: reached.append(addresses) or connect(addresses, port)
    )
    with pytest.raises(Declined, match="redirects are not followed"):
        post(way(receiver.port), b"{}", {})
    assert reached == [["127.0.0.1"]]


def test_a_name_that_changes_its_mind_after_it_was_checked_is_not_asked_again(receiver):
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    rebinding = Wire(
        SinkAddress("http", "localhost", receiver.port, "/"),
        SinkReach(private=True, resolve=lambda *_: answers.pop(0)),
    )
    post(rebinding, b"{}", {})
    with pytest.raises(Declined, match="not a public address"):
        post(rebinding, b"{}", {})
    assert len(receiver.requests) == 1


def test_a_name_that_resolves_to_cloud_metadata_is_refused_for_good_and_nothing_is_sent():
    rebound = Wire(
        SinkAddress("https", "hooks.example", 443, "/"),
        SinkReach(private=True, resolve=lambda *_: ["169.254.169.254"]),
    )
    with pytest.raises(Declined, match="not a public address"):
        post(rebound, b"{}", {})


def test_what_leaves_without_tls_stays_in_the_networks_that_were_permitted():
    def reach(address, **fields):
        place = SinkAddress("http", "alerts.example", 80, "/")
        return Wire(place, SinkReach(private=True, resolve=lambda *_: [address], **fields)).addresses()

    assert reach("10.0.0.8", plain_private=True) == ["10.0.0.8"]
    with pytest.raises(Declined, match="http reaches loopback and private networks only"):
        reach("8.8.8.8", plain_private=True)
    with pytest.raises(Declined, match="http reaches loopback only"):
        reach("10.0.0.8")
