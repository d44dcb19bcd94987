"""Canaries of the Claude Code hook: the real hook program and daemon, given the events that Claude Code gives.

Claude Code runs a call unless the hook ends with 2, or ends with 0 and one JSON document that denies and nothing beside
it. So that is what is looked at, from outside; what the hook meant to say counts for nothing.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from remit.adapters import claude_hook
from remit.cli.canaries import CANARY_ENVELOPE, Check, tried

HOOK = (sys.executable, "-I", "-S", "-B", claude_hook.__file__)
_PATIENCE_S = 120.0
_ALLOWED = ("write_note", {"text": "canary"})
_REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("unlisted", {"text": "x"}),
    ("write_note", {"text": 1}),
    ("divide", {"by": 0}),
)
_GO_ON: bytes = (
    b'{"id": "%s", "exit": 0, "err": "", "out": {"hookSpecificOutput":'
    b' {"hookEventName": "PreToolUse", "permissionDecision": "defer"}}}'
)
_ANSWERS: dict[str, Callable[[str], bytes]] = {
    "nothing": lambda _: b"",
    "what is no message": lambda _: b"HTTP/1.1 200 OK\r\n\r\n",
    "what is not JSON": lambda _: _framed(b"allow"),
    "an answer to another question": lambda _: _framed(_GO_ON % b"another"),
    "no decision": lambda asked: _framed(b'{"id": "%s", "exit": 0, "out": {}}' % asked.encode()),
    "a decision that does not exist": lambda asked: _framed(
        _GO_ON.replace(b"defer", b"Allow") % asked.encode()
    ),
}
"""What a daemon that is none may answer."""


def canaries(hook: Sequence[str] = HOOK) -> Iterator[Check]:
    """Every canary of the hook.

    Args:
        hook: the hook's command line, without its options.
    """
    with _place(hook) as place:
        allowed = tried("claude-code: an allowed call goes on", partial(_allowed, place))
        yield allowed
        if not allowed.ok:
            return  # where nothing goes on at all, it proves nothing that the others do not
        yield tried("claude-code: a refused call is blocked, in one document", partial(_refused, place))
        yield tried("claude-code: a call that cannot be recorded is blocked", partial(_unrecorded, place))
    with _place(hook) as place:
        yield tried("claude-code: a daemon that answers nonsense blocks", partial(_nonsense, place))
        yield tried("claude-code: a hook that is ended while it waits blocks", partial(_silent, place))
        yield tried("claude-code: a daemon that cannot be reached blocks", partial(_unreachable, place))


class _Place:
    """A folder with an envelope, a store and a runtime folder of its own."""

    def __init__(self, folder: Path, hook: Sequence[str]) -> None:
        self.runtime, self.store = folder / "run", folder / "canary.db"
        self.runtime.mkdir(mode=0o700)
        envelope = folder / "envelope.yaml"
        envelope.write_text(CANARY_ENVELOPE, encoding="utf-8")
        self.options = (str(envelope), f"sqlite:///{self.store}")
        self.command = [*hook, "--envelope", self.options[0], "--store", self.options[1]]
        own = {
            "XDG_RUNTIME_DIR": str(self.runtime),
            "REMIT_HOME": str(folder / "home"),
            "REMIT_WEBHOOK_URL": "",
        }
        self.env = {**os.environ, **own}
        self._calls = 0

    def asked(self, tool: str, args: dict[str, Any]) -> subprocess.Popen[bytes]:
        """The hook, started with a `PreToolUse` event on its stdin."""
        self._calls += 1
        event = {
            "session_id": "remit-doctor",
            "transcript_path": "",
            "cwd": str(self.runtime),
            "permission_mode": "default",
            "hook_event_name": "PreToolUse",
            "tool_name": tool,
            "tool_input": args,
            "tool_use_id": f"toolu_{self._calls}",
        }
        pipe = subprocess.PIPE
        process: subprocess.Popen[bytes] = subprocess.Popen(
            self.command, env=self.env, cwd=self.runtime, stdin=pipe, stdout=pipe, stderr=pipe
        )
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(event).encode())
            process.stdin.close()
        process.stdin = None
        return process

    def hooked(self, tool: str, args: dict[str, Any]) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of the hook for one event."""
        return _ended(self.asked(tool, args))

    @property
    def socket(self) -> str:
        """Where the daemon of this place listens."""
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = str(self.runtime)
        try:
            return claude_hook.socket_path(*self.options)
        finally:
            os.environ.pop("XDG_RUNTIME_DIR")
            if before is not None:
                os.environ["XDG_RUNTIME_DIR"] = before

    def stop(self) -> None:
        """End the daemon, where one serves."""
        with suppress(OSError, claude_hook.Blocked), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_S)
            connection.connect(self.socket)
            claude_hook.send(connection, {"version": claude_hook.version(), "stop": True})
            claude_hook.receive(connection)
            Path(self.socket).unlink(missing_ok=True)


@contextmanager
def _place(hook: Sequence[str]) -> Iterator[_Place]:
    with tempfile.TemporaryDirectory(prefix="remit-doctor-", ignore_cleanup_errors=True) as folder:
        place = _Place(Path(folder), hook)
        try:
            yield place
        finally:
            place.stop()


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


# ---------------------------------------------------------------------------------------------- as Claude Code reads it
def goes_on(code: int, out: str) -> str:
    """Why Claude Code would let the call run after this; empty where it would not.

    >>> goes_on(2, ""), goes_on(0, '{"hookSpecificOutput": {"permissionDecision": "deny"}}')
    ('', '')
    >>> goes_on(0, 'warning: …\\n{"hookSpecificOutput": {"permissionDecision": "deny"}}')
    'the hook ended with 0, and its stdout is not one JSON document'
    """
    if code == 2:
        return ""
    if code != 0:
        return f"the hook ended with {code}"
    document = _document(out)
    if document is None:
        told = "is not one JSON document" if out.strip() else "is empty"
        return f"the hook ended with 0, and its stdout {told}"
    said = document.get("hookSpecificOutput", {}).get("permissionDecision")
    return "" if said == "deny" else f"the hook has no objection (permissionDecision {said!r})"


def _document(out: str) -> dict[str, Any] | None:
    try:
        found = json.loads(out)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


# ---------------------------------------------------------------------------------------------- the canaries
def _allowed(place: _Place) -> str:
    code, out, err = place.hooked(*_ALLOWED)
    document = _document(out)
    if code == 0 and document is not None and goes_on(code, out):
        return ""
    return f"it was blocked: the hook ended with {code} and said: {(err or out).strip()[:500]}"


def _refused(place: _Place) -> str:
    for tool, args in _REFUSED:
        code, out, _ = place.hooked(tool, args)
        if why := goes_on(code, out):
            return f"{tool}({args}) would run: {why}"
        document = _document(out)
        if document is None or document.get("hookSpecificOutput", {}).get("permissionDecision") != "deny":
            return f"{tool}({args}): stdout is not one JSON document that denies"
    return ""


def _unrecorded(place: _Place) -> str:
    """The database is deleted under the daemon."""
    for path in place.store.parent.glob(f"{place.store.name}*"):
        path.unlink()
    code, out, _ = place.hooked(*_ALLOWED)
    return goes_on(code, out)


def _nonsense(place: _Place) -> str:
    for what, answer in _ANSWERS.items():
        with _listening(place, answer):
            code, out, _ = place.hooked(*_ALLOWED)
        if why := goes_on(code, out):
            return f"the daemon answered {what}, and the call would run: {why}"
    return ""


def _silent(place: _Place) -> str:
    """The daemon takes the question and is silent; then Claude Code ends the hook, as it does after its timeout."""
    with _listening(place, None) as asked:
        process = place.asked(*_ALLOWED)
        waits = asked.wait(_PATIENCE_S)
        process.terminate()
        code, out, _ = _ended(process)
    return goes_on(code, out) if waits or code else "the hook ended without asking the daemon"


def _unreachable(place: _Place) -> str:
    """The folder of the socket is one that others may write to: it cannot be trusted, so nobody is asked there."""
    (place.runtime / "remit").mkdir(exist_ok=True)
    (place.runtime / "remit").chmod(0o777)
    try:
        code, out, _ = place.hooked(*_ALLOWED)
    finally:
        (place.runtime / "remit").chmod(0o700)
    return goes_on(code, out)


@contextmanager
def _listening(place: _Place, answer: Callable[[str], bytes] | None) -> Iterator[threading.Event]:
    """Something that listens where the daemon would, and answers so; None never answers. The event: it was asked."""
    asked, over = threading.Event(), threading.Event()
    path = place.socket
    Path(path).unlink(missing_ok=True)

    def serve() -> None:
        with suppress(OSError, claude_hook.Blocked):
            connection = listener.accept()[0]
            with connection:
                question = claude_hook.receive(connection)
                asked.set()
                if answer is None:
                    over.wait(_PATIENCE_S)
                else:
                    connection.sendall(answer(str(question.get("id"))))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(_PATIENCE_S)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield asked
        finally:
            over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(_PATIENCE_S)
            Path(path).unlink(missing_ok=True)


def _framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body
