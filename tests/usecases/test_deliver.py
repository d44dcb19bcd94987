"""The thread that delivers: soon, in the face of a sink that fails, and to the end."""

from __future__ import annotations

import http.server
import json
import threading
import time

import pytest

import remit
from remit.core.errors import Unavailable
from remit.core.notice import Notice
from remit.settings import Settings
from remit.sinks.signature import verify
from remit.store import control, control_approvals, outbox
from remit.store.outbox import SqliteOutbox
from remit.store.sqlite import SqliteStore
from remit.testing.control import question
from remit.usecases import deliver
from remit.usecases.deliver import Deliverer


class Sink:
    """Keeps what it gets; fails as often as it is told."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.got: list[Notice] = []
        self.failures = failures
        self.error = error or Unavailable("down", retry_after_s=0.0)
        self.attempts = 0

    def send(self, notice: Notice) -> None:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise self.error
        self.got.append(notice)


@pytest.fixture
def store(tmp_path):
    extensions = (control.DDL, outbox.DDL)
    with SqliteStore.open(tmp_path / "remit.db", home=tmp_path / "home", extensions=extensions) as opened:
        yield opened


def hold(store, id="a1"):
    def work(tx):
        outbox.tell_held(tx, control_approvals.request_approval(tx, question(id, id, agent=id)).status)

    store.transact_now(work)


def soon() -> float:
    """In place of a draw from [0, 1): makes the first wait 20 ms, so that a test need not sit it out."""
    return -0.98


def until(true, within_s=60.0):
    """Wait for it; a guard against hanging, no measure of speed."""
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)


def test_what_is_written_while_it_runs_is_delivered_within_its_poll(store):
    sink = Sink()
    with Deliverer(SqliteOutbox(store), sink, poll_s=0.05):
        hold(store)
        until(lambda: sink.got)

    assert sink.got[0].payload["approval_id"] == "a1"


def test_waking_delivers_at_once(store, monkeypatch):
    monkeypatch.setattr(deliver, "POLL_S", 3600.0)
    sink = Sink()
    with Deliverer(SqliteOutbox(store), sink, poll_s=3600.0) as deliverer:
        time.sleep(0.1)
        hold(store)
        deliverer.wake()
        until(lambda: sink.got)


def test_a_sink_that_is_down_delays_and_loses_nothing(store):
    sink = Sink(failures=2)
    with Deliverer(SqliteOutbox(store), sink, poll_s=0.05, draw=soon) as deliverer:
        for id in ("a1", "a2", "a3"):
            hold(store, id)
        until(lambda: len(sink.got) == 3)
        assert deliverer.last_error == ""

    assert sorted(notice.payload["approval_id"] for notice in sink.got) == ["a1", "a2", "a3"]
    assert SqliteOutbox(store).counts()["done"] == 3


def test_every_attempt_of_one_notice_has_the_same_id(store):
    seen: list[str] = []

    class Forgetful(Sink):
        def send(self, notice: Notice) -> None:
            seen.append(notice.id)
            super().send(notice)

    with Deliverer(SqliteOutbox(store), Forgetful(failures=2), poll_s=0.05, draw=soon):
        hold(store)
        until(lambda: len(seen) == 3)

    assert len(set(seen)) == 1


def test_a_sink_that_raises_anything_at_all_stops_nothing(store):
    sink = Sink(failures=1, error=ZeroDivisionError("a bug in the sink"))
    with Deliverer(SqliteOutbox(store), sink, poll_s=0.05, draw=soon):
        hold(store)
        until(lambda: sink.got)

    assert sink.attempts == 2


def test_closing_delivers_what_is_due_first(store):
    sink = Sink()
    deliverer = Deliverer(SqliteOutbox(store), sink).start()
    time.sleep(0.05)
    for n in range(5):
        hold(store, f"a{n}")
    deliverer.close()

    assert len(sink.got) == 5


def test_closing_does_not_wait_for_a_sink_that_is_down(store):
    sink = Sink(failures=1_000)
    deliverer = Deliverer(SqliteOutbox(store), sink, draw=soon).start()
    hold(store)
    deliverer.wake()
    until(lambda: sink.attempts)
    before = sink.attempts
    deliverer.close()

    assert sink.attempts <= before + 2  # the one under way, and one last
    assert SqliteOutbox(store).counts()["waiting"] == 1


def test_the_next_process_delivers_what_the_last_one_could_not(tmp_path, store):
    hold(store)
    down = Sink(failures=100)  # once would do for a quick process; a slow one tries again while it closes
    Deliverer(SqliteOutbox(store), down, draw=soon).start().close()
    store.close()

    sink = Sink()
    extensions = (control.DDL, outbox.DDL)
    with (
        SqliteStore.open(tmp_path / "remit.db", home=tmp_path / "home", extensions=extensions) as again,
        Deliverer(SqliteOutbox(again), sink, poll_s=0.05),
    ):
        until(lambda: sink.got, within_s=3 * outbox.LEASE_S)  # a thread that was not waited for holds one


def test_a_store_that_is_away_for_a_while_does_not_end_the_thread():
    class Away:
        calls = 0

        def claim(self):
            self.calls += 1
            if self.calls < 3:
                raise Unavailable("locked")

        def done(self, notice): ...

        def retry(self, notice, error, *, jitter, after_s=None): ...

    away = Away()
    with Deliverer(away, Sink(), poll_s=0.01) as deliverer:
        until(lambda: away.calls > 4)
        assert deliverer.last_error == "locked"


def test_two_deliverers_send_each_notice_once(store):
    for n in range(20):
        hold(store, f"a{n}")
    sink, lock = Sink(), threading.Lock()
    send = sink.send

    def locked(notice):
        with lock:
            send(notice)

    sink.send = locked
    with Deliverer(SqliteOutbox(store), sink, poll_s=0.05), Deliverer(SqliteOutbox(store), sink, poll_s=0.05):
        until(lambda: len(sink.got) >= 20)

    assert sorted(n.payload["approval_id"] for n in sink.got) == sorted(f"a{n}" for n in range(20))


HOLDS = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: clerk, version: "1", owner: olga}
spec:
  tools:
    pay:
      effect: irreversible
      args: {type: object, additionalProperties: false, properties: {amount: {type: integer}}}
      approve:
        - {id: always}
"""


class Posts:
    """A local HTTP server that keeps the bodies of what is posted, with their signatures."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        posts = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posts.bodies.append((self.headers["X-Remit-Signature"], body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_): ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()


def test_a_call_that_is_held_reaches_the_webhook_of_the_guard_that_held_it(tmp_path):
    posts = Posts()
    settings = Settings(
        home=str(tmp_path / "home"),
        webhook_url=f"http://127.0.0.1:{posts.server.server_address[1]}/hook",
        webhook_secret="a secret of some length",
    )
    envelope = tmp_path / "envelope.yaml"
    envelope.write_text(HOLDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMIT_WEBHOOK_ALLOW_LOCAL", "1")
        with (
            remit.open(
                envelope, store=f"sqlite:///{tmp_path / 'remit.db'}", settings=settings, approval_wait_s=0.0
            ) as guard,
            guard.session() as session,
            pytest.raises(remit.ApprovalRequired) as held,
        ):
            session.call("pay", {"amount": 5}, run=lambda **_: pytest.fail("ran"))
    posts.server.shutdown()

    ((header, body),) = posts.bodies
    assert verify("a secret of some length", header, body, now=time.time())
    told = json.loads(body)
    assert told["approval_id"] == held.value.approval_id
    assert "amount" in told["preview"]
