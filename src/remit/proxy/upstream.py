"""The server that the proxy stands in front of: started as the client would have started it, and never left behind.

It gets our environment and working directory, which the client's configuration set for it, and writes to our standard
error. It leads a process group of its own. That group is ended with us: by closing its input and, where that is not
heard, by signals; and where we are killed ourselves (SIGKILL, out of memory), by a small shell that waits for our end.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from remit.core.errors import BadInput
from remit.proxy.lines import EndableStream, reading, writing

_LOOK_S: Final = 0.02
"""Between two looks whether the group is empty."""
GRACE_S: Final = 2.0
"""How long the server has to end after its input was closed, and again after SIGTERM."""

# It reads the server's process group, then waits until our end of its input is closed: by us, which comes with a
# signal before, or by the system, because we are gone.
_GUARDIAN: Final = (
    "read -r group || exit 0; while read -r line; do :; done;"
    f" sleep {GRACE_S:g}; kill -TERM -$group 2>/dev/null || exit 0;"
    f" sleep {GRACE_S:g}; kill -KILL -$group 2>/dev/null"
)


class Upstream:
    """A running server. Made by `start`; ended by `stop`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        guardian: subprocess.Popen[bytes],
        reader: EndableStream,
        transport: Any,
    ) -> None:
        self._process = process
        self._guardian = guardian
        self.reader = reader
        """What it writes."""
        self.transport = transport
        """Where it reads."""

    @property
    def status(self) -> int | None:
        """Its exit status; negative where a signal ended it, None while it runs."""
        return self._process.returncode

    async def ended(self) -> None:
        """Wait for the end of its process."""
        await self._process.wait()

    async def stop(self) -> None:
        """Close its input, and end its process group where it does not end by itself."""
        if not self.transport.is_closing():
            self.transport.abort()
        if not await self._ends():
            self._signal(signal.SIGTERM)
            if not await self._ends():
                self._signal(signal.SIGKILL)
                await self._ends()
        self._dismiss()

    async def _ends(self) -> bool:
        """Whether it ends soon, with all that it left in its group."""
        try:
            async with asyncio.timeout(GRACE_S):
                await self._process.wait()
                while self._left_behind():
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            return False
        return True

    def _left_behind(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # somebody else's, which no signal of ours reaches
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _dismiss(self) -> None:
        """What it would end is ended, and that number may be another's soon."""
        self._guardian.kill()
        self._guardian.wait()
        if self._guardian.stdin is not None:
            self._guardian.stdin.close()


async def start(command: Sequence[str]) -> Upstream:
    """Start the server.

    Raises:
        BadInput: there is no such program, or it cannot be started.
    """
    if not command:
        raise BadInput("COMMAND", "no command of a server", "write: remit proxy -- COMMAND …")
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    guardian = _guard()
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=theirs_in, stdout=theirs_out, start_new_session=True
        )
    except (OSError, ValueError) as error:
        guardian.kill()
        guardian.wait()
        found = error.strerror if isinstance(error, OSError) else "not a command"
        raise BadInput(command[0], f"cannot be started: {found}", "check the command and PATH") from None
    finally:
        os.close(theirs_in)
        os.close(theirs_out)
    if guardian.stdin is not None:
        guardian.stdin.write(f"{process.pid}\n".encode())
        guardian.stdin.flush()
    return Upstream(process, guardian, await reading(ours_in), await writing(ours_out))


def _guard() -> subprocess.Popen[bytes]:
    shell = shutil.which("sh") or "/bin/sh"
    null = subprocess.DEVNULL
    return subprocess.Popen(
        [shell, "-c", _GUARDIAN], stdin=subprocess.PIPE, stdout=null, stderr=null, start_new_session=True
    )
