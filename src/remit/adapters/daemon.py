"""The local daemon: hooks ask it over a Unix socket that only this user can reach.

One daemon serves one envelope and one store, for any number of sessions. It holds a lock for as long as it lives, so
there are never two for one socket; what a client says, or does not say, costs it a thread and nothing else. It ends
when nobody asked for long and no call is open, on SIGTERM, when another version of remit asks, and at once where nobody
can ask it any more: its socket was removed, or is another's. Holding on to the lock, it would keep others from serving.
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
from typing import IO, Any

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
        lock: of `locked`, where it is held already.
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
        lock: IO[bytes] | None = None,
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
        self._lock = lock
        self._bound: tuple[int, int] | None = None
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
        lock = locked(self.path) if self._lock is None else self._lock
        if lock is None:
            return False
        try:
            listening = self._listening()
            try:
                ready()
                self._accept(listening)
            finally:
                if self._reachable():
                    Path(self.path).unlink(missing_ok=True)
                self._last_ones(listening)
                listening.close()
        finally:
            lock.close()
        return True

    def _listening(self) -> socket.socket:
        with suppress(FileNotFoundError):
            Path(self.path).unlink()  # of one that was killed: the lock says that none is left
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(self.path)
        self._bound = _inode(self.path)
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
            if not self._reachable():
                _log.warning("%s was taken away: nobody can ask this daemon any more", self.path)
                return

    def _reachable(self) -> bool:
        """Whether the socket that clients find is its own."""
        return self._bound is not None and _inode(self.path) == self._bound

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


def locked(path: str) -> IO[bytes] | None:
    """The lock of who may serve a socket, for as long as the file it returns is open; None where somebody has it.

    Args:
        path: of the socket.
    """
    name = f"{path[:-5]}.lock"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        lock = os.fdopen(os.open(name, flags, 0o600), "rb", buffering=0)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        found = os.fstat(lock.fileno())
        if (found.st_dev, found.st_ino) == _inode(name):
            return lock
        lock.close()  # the file was removed in between: nobody else would find this lock


def _inode(path: str) -> tuple[int, int] | None:
    """Which file this is; None where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
