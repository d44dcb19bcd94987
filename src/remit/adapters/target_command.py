"""An agent under test that is a command: JSON lines on standard input and output.

It reads one line, the request (`target_wire`). It may then write, one a line,

    {"call": {"tool": "get_order", "args": {"order_id": "A-1"}}}    it gets a line: {"result": …}, or
                                                                    {"refused": "why"}, {"failed": "why"}
    {"observe": {"role": "assistant", "text": "…"}}                 it gets nothing
    {"answer": …}                                                   the end

A program that only writes its answer works, too: one whose output is no such line has answered with all that it wrote.
It is started without a shell, without remit's settings, and killed with all that it started when its time is up or its
answer is there. It ends with exit code 75 (`EX_TEMPFAIL`) where the world failed, and not the agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping
from typing import Any

from remit.adapters.processes import clean_environment, how_it_ended, kill_group
from remit.adapters.target_wire import (
    MOST_ANSWER,
    MOST_CALLS,
    AgentFailed,
    answer_of,
    object_in,
    request_of,
)
from remit.core.codec import result_text
from remit.core.errors import BadInput, Refused, Unavailable
from remit.ports import AgentTrial, Answered

TRY_AGAIN = 75
MOST_OUTPUT = 16_000_000
"""Bytes of all that one run writes; one that writes more is killed, and has failed."""
_MOST_STDERR = 64_000
_REAPING = 500
"""Milliseconds, about, that the end of a killed process may take; one that hangs in the kernel is left behind."""
_KEYS = ("call", "observe", "answer")
_OURS = re.compile(rb'\s*\{\s*"(?:call|observe|answer)"\s*:')


class CommandTarget:
    """A command as an agent under test.

    Args:
        argv: the command and its arguments; no shell looks at them.
        folder: where it is started; empty: here.
        environ: beside its own environment.
    """

    def __init__(
        self, argv: tuple[str, ...], folder: str = "", environ: Mapping[str, str] | None = None
    ) -> None:
        self._argv = argv
        self._folder = folder or None
        self._environ = dict(environ or {})

    async def run(self, trial: AgentTrial) -> Answered:
        """One run, in a process of its own."""
        pipe = asyncio.subprocess.PIPE
        try:
            child = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                cwd=self._folder,
                env=clean_environment(self._environ),
                start_new_session=True,
                limit=MOST_ANSWER,
            )
        except OSError as error:
            raise Unavailable(f"{self._argv[0]}: could not be started: {error.strerror or error}") from error
        stderr = asyncio.create_task(_last(child.stderr))
        try:
            return await _Talk(child, trial, stderr).through()
        finally:
            kill_group(child.pid)  # and what it started, which may hold the pipes open
            stderr.cancel()
            try:
                await _reaped(child)
            finally:
                _close(child)

    async def aclose(self) -> None:
        """Every process has ended with its trial."""


class _Talk:
    """One run of the command, from its request to its answer."""

    def __init__(
        self, child: asyncio.subprocess.Process, trial: AgentTrial, stderr: asyncio.Task[bytes]
    ) -> None:
        assert child.stdin is not None  # noqa: S101 - it was asked for
        assert child.stdout is not None  # noqa: S101
        self._child, self._trial, self._stderr = child, trial, stderr
        self._stdin, self._stdout = child.stdin, child.stdout
        self._written = self._calls = 0

    async def through(self) -> Answered:
        await self._tell(request_of(self._trial))
        while line := await self._line():
            if not line.strip():
                continue
            body = _asked(line)
            if body is None:
                return await self._plain(line)
            if "answer" in body:
                return answer_of(body)
            await self._served(body)
        return await self._without_answer()

    async def _served(self, body: Mapping[str, Any]) -> None:
        if "observe" in body:
            told = body["observe"]
            if not isinstance(told, dict) or not {"role", "text"} <= told.keys():
                raise AgentFailed('"observe" has no "role" and "text"')
            try:
                self._trial.observe(told["role"], told["text"], source=told.get("source"))
            except BadInput as error:
                raise AgentFailed(f'"observe": {error}') from None
            return
        call = body["call"]
        if not isinstance(call, dict) or not isinstance(call.get("tool"), str):
            raise AgentFailed('"call" names no "tool"')
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise AgentFailed(f"more than {MOST_CALLS} calls")
        await self._tell(await self._called(call["tool"], call.get("args")))

    async def _called(self, tool: str, args: object) -> dict[str, Any]:
        given = {} if args is None else args
        if not isinstance(given, dict):
            return {"failed": f"args: found {type(given).__name__}, write an object"}
        try:
            result = await self._trial.acall(tool, given)
        except Refused as error:
            return {"refused": str(error)}
        except (BadInput, Unavailable):
            raise
        except Exception as error:  # noqa: BLE001 - the tool's own: the agent sees it
            return {"failed": f"{type(error).__name__}: {error}"[:2000]}
        return {"result": result}

    async def _tell(self, body: Mapping[str, Any]) -> None:
        line = json.dumps(body, ensure_ascii=False, default=result_text).encode("utf-8", "replace") + b"\n"
        with contextlib.suppress(ConnectionError, RuntimeError):  # it may answer without reading
            self._stdin.write(line)
            await self._stdin.drain()

    async def _line(self) -> bytes:
        try:
            line = await self._stdout.readline()
        except ValueError:
            raise AgentFailed(f"a line of more than {MOST_ANSWER} bytes") from None
        self._written += len(line)
        if self._written > MOST_OUTPUT:
            raise AgentFailed(f"more than {MOST_OUTPUT} bytes of output")
        return line

    async def _plain(self, first: bytes) -> Answered:
        """Of a program that knows nothing of the lines: all that it writes is its answer."""
        found = [first]
        while line := await self._line():
            found.append(line)
        await self._ended()
        whole = b"".join(found)
        if whole.lstrip().startswith(b"{"):
            try:
                body = object_in(whole)
            except AgentFailed:
                if _OURS.match(whole):  # broken off, or no JSON: not to be taken for an answer in words
                    raise
            else:
                if "answer" in body:
                    return answer_of(body)
        if len(whole) > MOST_ANSWER:
            raise AgentFailed(f"more than {MOST_ANSWER} bytes of answer")
        return Answered(whole.decode("utf-8", "replace").strip())

    async def _without_answer(self) -> Answered:
        await self._ended()
        raise AgentFailed("it ended without an answer")

    async def _ended(self) -> None:
        """How it ended, where that is not well.

        Raises:
            Unavailable: it says that the world failed.
            AgentFailed: any other end than a good one.
        """
        code = await self._child.wait()
        if code == 0:
            return
        kill_group(self._child.pid)  # else what it started may hold standard error open
        told = how_it_ended(code, await self._stderr)
        raise Unavailable(told) if code == TRY_AGAIN else AgentFailed(told)


def _asked(line: bytes) -> dict[str, Any] | None:
    """The line as one of the conversation; None where it is none."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        body = object_in(line)
    except AgentFailed:
        return None
    return body if any(key in body for key in _KEYS) else None


async def _last(pipe: asyncio.StreamReader | None) -> bytes:
    """The end of what is written to standard error, read so that nobody waits for room in the pipe."""
    kept = b""
    while pipe is not None and (chunk := await pipe.read(65_536)):
        kept = (kept + chunk)[-_MOST_STDERR:]
    return kept


async def _reaped(child: asyncio.subprocess.Process) -> None:
    """Until its end was noticed: where closing its pipes or the loop is first, asyncio logs a warning about the child."""
    cancelled: asyncio.CancelledError | None = None
    for _ in range(_REAPING):
        if child.returncode is not None:
            break
        try:
            await asyncio.sleep(0.001)
        except asyncio.CancelledError as again:
            cancelled = again  # it is bounded, and the loop may be closed right after
    if cancelled is not None:
        raise cancelled


def _close(child: asyncio.subprocess.Process) -> None:
    """Let go of the pipes, which a process that got away may still hold."""
    transport = getattr(child, "_transport", None)
    if transport is not None:
        transport.close()
