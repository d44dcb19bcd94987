"""An agent to be asked again, as a command: one JSON request on standard input, one JSON answer on standard output.

Request: `{"remit": "rerun/v1", "messages": […], "tools": […], "seed": 17}`, as `ports.Rerunnable` says. Answer:
`{"calls": [{"name": …, "args": {…}}]}`, an empty list where the agent would answer instead. The command asks its
model and calls nothing. It is started without a shell, without remit's own settings, and killed with all that it
started when its time is up. Whatever is no such answer is a failed run with its reason, and never a run in which the
call did not come.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from remit.adapters.processes import MOST_TOLD, clean_environment, how_it_ended, kill_group
from remit.core.canonical import loads_strict
from remit.core.errors import BadInput, Unavailable
from remit.core.types import Json, ToolCall

FORMAT = "rerun/v1"
TIMEOUT_S = 120.0
MOST_ANSWER = 1_000_000
"""Bytes of an answer; a command that writes more is killed."""
_GRACE_S = 2.0
_LOOKS = 200
_LOOK_S = 0.01
"""A pipe that is still open after so many looks is held by a process that got away. Counted and not timed: where this
process itself stood still for seconds, what it has not read yet is read all the same."""


class RerunFailed(Unavailable):
    """The command gave no answer, or none that can be read."""


class RerunCommand:
    """A command that says what an agent would call next.

    Args:
        argv: the command and its arguments; no shell looks at them.
        timeout_s: seconds for one answer.
        model: what answers, for the record.

    Raises:
        BadInput: no command, or none that can be found.
    """

    def __init__(self, argv: Sequence[str], timeout_s: float = TIMEOUT_S, model: str = "") -> None:
        if not argv or shutil.which(argv[0]) is None:
            found = argv[0][:60] if argv else ""
            raise BadInput("--rerun", f"no command {found!r}", "name a program that can be started")
        self.model = model
        self._argv = list(argv)
        self._timeout_s = timeout_s

    def next_calls(
        self, messages: Sequence[Mapping[str, Json]], tools: Sequence[Mapping[str, Json]], seed: int
    ) -> Sequence[ToolCall]:
        """One run of the command.

        Raises:
            RerunFailed: it could not be started, took too long, ended with an error, or wrote something else.
        """
        request = {"remit": FORMAT, "messages": list(messages), "tools": list(tools), "seed": seed}
        return answered(self._run(json.dumps(request, ensure_ascii=False).encode("utf-8", "replace")))

    def _run(self, request: bytes) -> bytes:
        pipe = subprocess.PIPE
        try:
            child = subprocess.Popen(
                self._argv,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=clean_environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise RerunFailed(f"it could not be started: {error}") from error
        assert child.stdin is not None  # noqa: S101 - it was asked for
        assert child.stdout is not None  # noqa: S101
        assert child.stderr is not None  # noqa: S101
        answer, told = _Reader(child.stdout, MOST_ANSWER, child), _Reader(child.stderr, 64_000)
        writer = threading.Thread(target=_write, args=(child.stdin, request), daemon=True)
        writer.start()
        try:
            child.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            raise RerunFailed(f"no answer within {self._timeout_s:g} s") from None
        finally:
            _kill(child)  # and what it started, which may hold the pipes open
            for thread in (answer.thread, told.thread, writer):
                _let_end(thread)
        if answer.full:
            raise RerunFailed(f"more than {MOST_ANSWER} bytes of answer")
        if child.returncode != 0:
            raise RerunFailed(how_it_ended(child.returncode, told.text))
        return answer.text


def answered(answer: bytes) -> tuple[ToolCall, ...]:
    """The calls that an answer names.

    Raises:
        RerunFailed: it is no such answer.

    >>> answered(b'{"calls": [{"name": "refund", "args": {"amount": 40}}]}')
    (ToolCall(tool='refund', args={'amount': 40}, call_id=''),)
    """
    try:
        body = loads_strict(answer.decode("utf-8"))
    except (BadInput, UnicodeDecodeError) as error:
        raise RerunFailed(f"the answer is not JSON: {error}"[:MOST_TOLD]) from None
    calls = body.get("calls") if isinstance(body, dict) else None
    if not isinstance(calls, list):
        raise RerunFailed('the answer has no list "calls"')
    return tuple(_call(one) for one in calls)


def _call(one: Json) -> ToolCall:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str) or not one["name"]:
        raise RerunFailed("a call of the answer has no name")
    args = one.get("args", {})
    if not isinstance(args, dict):
        raise RerunFailed(f"the arguments of {one['name'][:60]!r} are no object")
    return ToolCall(one["name"], args)


class _Reader:
    """Reads a pipe to its end, and keeps what fits."""

    def __init__(self, pipe: IO[bytes], most: int, kill: subprocess.Popen[bytes] | None = None) -> None:
        self.text, self.full = b"", False
        self._pipe, self._most, self._kill = pipe, most, kill
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with self._pipe, contextlib.suppress(OSError, ValueError):
            while chunk := self._pipe.read1(65_536):  # type: ignore[attr-defined]
                if len(self.text) + len(chunk) <= self._most:
                    self.text += chunk
                    continue
                self.full = True
                if self._kill is not None:
                    _kill(self._kill)


def _write(pipe: IO[bytes], request: bytes) -> None:
    with contextlib.suppress(OSError, ValueError), pipe:  # it may answer without reading
        pipe.write(request)


def _let_end(thread: threading.Thread) -> None:
    for _ in range(_LOOKS):
        thread.join(_LOOK_S)
        if not thread.is_alive():
            return


def _kill(child: subprocess.Popen[bytes]) -> None:
    kill_group(child.pid)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_GRACE_S)
