"""The local daemon: hooks ask it over a Unix socket that only this user can reach.

One daemon serves one envelope and one store, for any number of sessions. It holds a lock for as long as it lives, so
there are never two for one socket; what a client says, or does not say, costs it a thread and nothing else. It ends
when nobody asked for long and no call is open, on SIGTERM, and when another version of remit asks.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from remit.adapters.claude_hook import Blocked, peer_of, receive, send, socket_path
from remit.core.errors import BadInput, Unavailable

READ_S = 10.0
"""How long a client may take to say what it wants, between two pieces."""
DRAIN_S = 30.0
"""How long questions in flight are waited for when the daemon ends."""
MOST_CLIENTS = 128
_log = logging.getLogger("remit.daemon")

Answer = Callable[[Mapping[str, Any], Mapping[str, str]], Mapping[str, Any]]


class Daemon:
    """Serves one socket.

    Args:
        envelope: absolute path of the envelope's file, as the hooks name it.
        store: address of the store, as the hooks name it.
        options: all options of the hooks: one that asks with others is refused.
        version: of this remit.
        answer: what an event, with the hook's environment, is answered with.
        busy: whether a call is open.
        idle_s: after so long without a question, and with no call open, it ends.
    """

    def __init__(
        self,
        envelope: str,
        store: str,
        *,
        options: Mapping[str, str],
        version: str,
        answer: Answer,
        busy: Callable[[], bool],
        idle_s: float = 900.0,
    ) -> None:
        try:
            self.path = socket_path(envelope, store)
        except Blocked as error:
            raise Unavailable(str(error)) from None
        self._options = dict(options)
        self._version = version
        self._answer = answer
        self._busy = busy
        self._idle_s = idle_s
        self._ending = threading.Event()
        self._clients = threading.BoundedSemaphore(MOST_CLIENTS)
        self._working = 0
        self._count = threading.Condition()
        self._last = time.monotonic()

    def stop(self) -> None:
        """Take no more questions, and end once those in flight are answered. Safe in a signal handler."""
        self._ending.set()

    def serve(self, ready: Callable[[], None] = lambda: None) -> bool:
        """Serve until it is time to end.

        Returns:
            False where another daemon serves this socket already.
        """
        lock = self._locked()
        if lock is None:
            return False
        try:
            listening = self._listening()
            try:
                ready()
                self._accept(listening)
            finally:
                with suppress(FileNotFoundError):
                    Path(self.path).unlink()
                self._last_ones(listening)
                listening.close()
        finally:
            os.close(lock)
        return True

    def _locked(self) -> int | None:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(f"{self.path[:-5]}.lock", flags, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _listening(self) -> socket.socket:
        with suppress(FileNotFoundError):
            Path(self.path).unlink()  # of one that was killed: the lock says that none is left
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(self.path)
        Path(self.path).chmod(0o600)
        listening.listen(MOST_CLIENTS)
        listening.settimeout(0.2)
        return listening

    def _accept(self, listening: socket.socket) -> None:
        while not self._ending.is_set():
            with suppress(TimeoutError):
                self._take(listening.accept()[0])
            idle = time.monotonic() - self._last > self._idle_s
            if idle and self._working == 0 and not self._busy():
                return

    def _last_ones(self, listening: socket.socket) -> None:
        """Who knocked before the socket went away is answered still."""
        listening.settimeout(0.0)
        with suppress(BlockingIOError):
            while True:
                self._take(listening.accept()[0])
        with self._count:
            self._count.wait_for(lambda: self._working == 0, DRAIN_S)

    def _take(self, connection: socket.socket) -> None:
        self._last = time.monotonic()
        self._clients.acquire()
        with self._count:
            self._working += 1
        threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(READ_S)
                if peer_of(connection) in (None, os.geteuid()):
                    request = receive(connection)
                    connection.settimeout(READ_S)
                    send(connection, {"id": request.get("id"), **self._answered(request)})
        except (Blocked, OSError) as error:
            _log.info("a client went away: %s", error)
        except Exception:  # noqa: BLE001 - one client's; the hook gets no answer, and blocks
            _log.exception("a client could not be served")
        finally:
            with self._count:
                self._working -= 1
                self._last = time.monotonic()
                self._count.notify_all()
            self._clients.release()

    def _answered(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Only who means the same envelope, store and remit gets a decision."""
        if request.get("stop") is True:
            self.stop()
            return {"stopping": True}
        if request.get("version") != self._version:
            return self._of_another(str(request.get("version")))
        if request.get("status") is True:
            return {"pid": os.getpid(), "version": self._version, "busy": self._busy()}
        if request.get("options") != self._options:
            told = "the daemon that runs was started with other options; end it: remit hooks stop"
            return {"exit": 2, "out": {}, "err": told}
        event, env = request.get("event"), request.get("env")
        if not isinstance(event, dict) or not isinstance(env, dict):
            raise BadInput("request", "no event", "send one")
        return self._answer(event, env)

    def _of_another(self, version: str) -> Mapping[str, Any]:
        """Another remit was installed: this one makes room, unless a call that it decided is still open."""
        told = f"a daemon of remit {self._version} serves here, and remit {version} asks"
        if self._busy():
            return {"exit": 2, "out": {}, "err": f"{told}, while calls are open; end it: remit hooks stop"}
        self.stop()
        return {"retry": told}
