"""What a second process does in the tests of the guard: `python worker.py WHAT FOLDER ARG…`."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import remit
from remit.settings import Settings
from remit.testing import answer, pending

OUTPUT = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: violator, version: "%s", owner: tests}
spec:
  tools:
    act:
      effect: %s
      args: {type: object, additionalProperties: false, properties: {n: {type: integer}}}
      output: {type: object, required: [ok]}
      approve: %s
  breaker: {threshold: 100, max_violations: 5, window: 10m, max_pending: 100}
"""


def opened(
    folder: Path, *, version: str = "1", hold: bool = False, effect: str = "irreversible", **options: Any
) -> remit.Guard:
    """A guard through the public door, whose tool violates its output, or is held for a person."""
    file = folder / f"envelope-{version}-{hold}-{effect}.yaml"
    if not file.exists():
        draft = file.with_suffix(f".{os.getpid()}")
        draft.write_text(OUTPUT % (version, effect, "[{id: always}]" if hold else "[]"))
        draft.replace(file)
    settings = Settings(home=str(folder / "home"))
    options = {"approval_wait_s": 0, "single_operator": True} | options
    return remit.open(file, store=f"sqlite:///{folder / 'remit.db'}", settings=settings, **options)


def ran(folder: Path, name: str) -> None:
    """Write down an effect, in one atomic write."""
    handle = os.open(folder / "effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{name}\n".encode())
    os.close(handle)


def effects(folder: Path) -> list[str]:
    """What was written down."""
    file = folder / "effects"
    return file.read_text().split() if file.exists() else []


def violate(folder: Path, calls: str) -> None:
    """Call until refused; every call that runs violates its output."""
    with opened(folder) as guard, guard.session() as session:
        for n in range(int(calls)):
            try:
                session.call("act", {"n": n}, run=lambda n: ran(folder, str(os.getpid())))
            except remit.ResultWithheld:
                continue
            except (remit.Refused, remit.Unavailable):
                continue


def approve(folder: Path, seconds: str) -> None:
    """Approve what waits, until something did or the time is over."""
    with opened(folder, hold=True) as guard:
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            for approval_id in pending(guard):
                answer(guard, approval_id)
                return
            time.sleep(0.02)


def resume(folder: Path, session_id: str, calls: str) -> None:
    """Make calls in a session that others make calls in, too."""
    with opened(folder, version="clean") as guard, guard.session(id=session_id) as session:
        for n in range(int(calls)):
            session.observe("assistant", f"{os.getpid()} thinks of {n}")
            try:
                session.call("act", {"n": n}, run=lambda n: ran(folder, f"{os.getpid()}-{n}") or {"ok": True})
            except remit.Refused as no:
                print(no)


def starved(folder: Path, size: str) -> None:
    """Call until the write-ahead log may not grow by more than *size* bytes, and tell how the calls ended."""
    import resource
    import signal

    with opened(folder, version="clean") as guard, guard.session() as session:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        session.call("act", {}, run=lambda: {"ok": True})
        most = (folder / "remit.db-wal").stat().st_size + int(size)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        for n in range(200):
            try:
                session.call("act", {"n": n}, run=lambda n: print(f"ran {n}") or {"ok": True})
                print(f"ok {n}")
            except remit.Unavailable as error:
                print(f"unavailable {n} {error}")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def once(folder: Path, session_id: str, effect: str = "irreversible") -> None:
    """Make the one call that others make at the same time."""

    def tool(n: int) -> dict[str, bool]:
        ran(folder, session_id)
        return {"ok": True}

    refused = contextlib.suppress(remit.Refused)
    with (
        opened(folder, version="clean", effect=effect) as guard,
        guard.session(id=session_id) as session,
        refused,
    ):
        session.call("act", {"n": 1}, run=tool, call_id="c", once=True)


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    globals()[what](Path(where), *rest)
