"""Real receivers, and alerts for them: what the tests of delivery send to."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.classification import Class, Team
from remit.core.types import Severity


class Receiver:
    """A local HTTP server that keeps what is posted, and answers as it is told.

    Args:
        status: what it answers.
        hangs: whether it takes what is posted and never answers.
    """

    def __init__(self, status: int = 204, *, hangs: bool = False) -> None:
        self.got: list[dict] = []
        self.keys: list[str] = []
        self.status, self.hangs = status, hangs
        self.free = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.keys.append(self.headers["Idempotency-Key"])
                if receiver.hangs:
                    receiver.free.wait(60.0)
                    return
                if receiver.status < 300:
                    receiver.got.append(body)
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_): ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def told(self) -> list[tuple[str, str]]:
        """Incident and action of what came, in order."""
        return [(one["incident"], one["action"]) for one in self.got]

    def close(self) -> None:
        self.free.set()
        self.server.shutdown()


def routes_file(folder: Path, **ports: int) -> Path:
    """A file of a route for each port, all for SRE."""
    path = folder / "routes.toml"
    path.write_text(
        "\n".join(
            f'[[route]]\nname = "{name}"\nteam = "sre"\nformat = "json"\nprivate = true\n'
            f'to = "http://127.0.0.1:{port}/{name}"\n'
            for name, port in ports.items()
        )
    )
    return path


def alert(n: int, revision: int = 1, action: Action = Action.TRIGGER) -> Alert:
    """One message about incident *n*."""
    return Alert(
        f"a-{n}-{revision}", f"i-{n}", revision, action, Team.SRE, Urgency.QUEUE, f"clerk: pay refused ({n})",
        Class.SRE, 0.9, Severity.HIGH, "clerk", "pay", (), "denied", 1.0, 1.0, 1.0,
    )  # fmt: skip


def story(n: int) -> list[Alert]:
    """An incident from its beginning to its end."""
    return [alert(n), alert(n, 2, Action.UPDATE), alert(n, 3, Action.RESOLVE)]


def until(true: Callable[[], object], within_s: float = 60.0) -> None:
    """Wait for it; a guard against hanging, no measure of speed."""
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)
