"""`remit routes`: what is set, what waits, whether it works, and trying again, against real receivers."""

from __future__ import annotations

import http.server
import json
import threading

import pytest

from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.classification import Class, Team
from remit.core.types import Severity
from remit.settings import load_settings
from remit.store import deliveries
from remit.store.delivery_queue import SqliteRoute
from remit.wiring import load_routes, open_store

ROUTES = """
[[route]]
name = "siem"
team = "security"
format = "json"
to = "http://127.0.0.1:{port}/in"
private = true
secret_env = "SIEM_KEY"

[[route]]
name = "chat"
team = "sre"
format = "slack"
to_env = "CHAT_URL"
private = true
"""


class Receiver:
    """A local HTTP server that keeps what is posted, and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[dict] = []
        self.status = 204
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status < 300:
                    receiver.got.append(json.loads(body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_): ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()


@pytest.fixture
def receiver():
    found = Receiver()
    yield found
    found.server.shutdown()


@pytest.fixture
def routed(place, receiver, monkeypatch):
    path = place.folder / "routes.toml"
    path.write_text(ROUTES.format(port=receiver.port))
    monkeypatch.setenv("REMIT_ROUTES", str(path))
    monkeypatch.setenv("SIEM_KEY", "a key of some length")
    monkeypatch.setenv("CHAT_URL", f"http://127.0.0.1:{receiver.port}/hook")
    with place.guard():
        pass
    return path


def alert(n=1, action=Action.TRIGGER):
    return Alert(
        f"a-{n}-{action}", f"i-{n}", 1, action, Team.SECURITY, Urgency.QUEUE, "clerk: pay refused", Class.SECURITY,
        0.9, Severity.HIGH, "clerk", "pay", (), "denied", 1.0, 1.0, 1.0,
    )  # fmt: skip


@pytest.fixture
def waiting(routed, place):
    """Lets an alert wait for the SIEM, and gives the route's queue."""
    settings = load_settings()
    routes = load_routes(settings).routes
    with open_store(place.address, settings) as store:
        store.transact_now(lambda tx: deliveries.enqueue(tx, alert(), routes))
        yield SqliteRoute(store, routes[0], routes)


def test_the_file_is_shown_without_a_path_or_a_secret(routed, run, receiver):
    line = run("routes", "check")

    assert line.code == 0
    assert f"http://127.0.0.1:{receiver.port}" in line.out
    assert "/hook" not in line.out and "a key of" not in line.out


def test_a_broken_file_is_told_with_its_place(routed, run):
    routed.write_text(routed.read_text().replace("team", "teem", 1))

    line = run("routes", "check", "--json")
    assert line.code == 3
    assert "route[0].teem: unknown key; known: team" in line.told["error"]["message"]


def test_an_address_without_tls_is_refused_where_it_is_not_permitted(routed, run):
    routed.write_text(routed.read_text().replace("private = true", "private = false", 1))

    line = run("routes", "check")
    assert (line.code, "siem.to" in line.err, "https" in line.err) == (3, True, True)


def test_a_test_message_goes_the_real_way_and_says_that_it_is_one(routed, run, receiver):
    line = run("routes", "test", "siem")

    assert line.code == 0, line.err
    assert [one["action"] for one in receiver.got] == ["trigger", "resolve"]
    assert receiver.got[0]["title"].startswith("TEST of route siem")
    assert receiver.got[0]["incident"] == receiver.got[1]["incident"]


def test_a_route_that_does_not_take_the_test_fails_it_and_nothing_of_it_stays(routed, run, receiver):
    receiver.status = 503
    line = run("routes", "test", "--json")

    assert line.code == 1
    assert [(one["route"], one["ok"]) for one in line.told["routes"]] == [("siem", False), ("chat", False)]
    assert "503" in line.told["routes"][0]["told"]
    listed = run("routes", "ls", "--json").told["routes"]
    assert [one["waiting"] for one in listed] == [0, 0]


def test_what_waits_and_why_is_shown(waiting, run):
    found = waiting.claim()
    waiting.retry(found, "siem: answered 503", jitter=0.0)

    siem, chat = run("routes", "ls", "--json").told["routes"]
    assert (siem["waiting"], siem["delivered"], siem["last_error"]) == (1, 0, "siem: answered 503")
    assert siem["failing_since"] is not None
    assert (chat["waiting"], chat["queue_tokens"], chat["rate_per_h"]) == (0, 10.0, 60.0)
    shown = run("routes", "ls").out
    assert "fails for" in shown and "answered 503" in shown


def test_what_waits_for_a_route_that_is_no_longer_in_the_file_is_shown(waiting, routed, run):
    routed.write_text(routed.read_text().replace('"siem"', '"siem2"'))

    assert [one["route"] for one in run("routes", "ls", "--json").told["routes"]] == ["siem2", "chat", "siem"]
    assert "not in the file any more" in run("routes", "ls").out


def test_what_was_given_up_is_tried_again_when_somebody_says_so(waiting, run, receiver):
    waiting._store.transact_now(
        lambda tx: tx.connection.execute("UPDATE delivery SET state = 'dead'") and None
    )
    assert run("routes", "ls", "--json").told["routes"][0]["given_up"] == 1
    assert waiting.claim() is None

    line = run("routes", "retry", "siem", "--json")
    assert line.told == {"routes": [{"route": "siem", "revived": 1}]}
    assert waiting.claim().alert.incident == "i-1"


def test_a_route_that_is_not_there_is_refused(routed, run):
    line = run("routes", "test", "siem3")

    assert (line.code, "siem, chat" in line.err) == (3, True)


def test_without_a_file_nobody_is_told_and_that_is_said(place, run):
    with place.guard():
        pass

    assert "nobody is told" in run("routes", "ls").out
