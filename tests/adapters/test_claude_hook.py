"""The hook program by itself: whatever happens to it, silence never comes out."""

from __future__ import annotations

import ast
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.adapters import claude_hook

HOOK = Path(claude_hook.__file__)
EVENT = {
    "hook_event_name": "PreToolUse",
    "session_id": "s",
    "tool_name": "Bash",
    "tool_input": {},
    "tool_use_id": "t",
}
FINE = {"exit": 0, "out": {"hookSpecificOutput": {"hookEventName": "PreToolUse"}}}
HANGS_S = 600


class Fake:
    """Stands where the daemon would, and gives one answer."""

    def __init__(self, folder: Path, answer: Callable[[Any, socket.socket], None]) -> None:
        self.env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder)}
        self.options = ["--envelope", "/e.yaml", "--store", "sqlite:////s.db"]
        os.environ["XDG_RUNTIME_DIR"], before = str(folder), os.environ.get("XDG_RUNTIME_DIR")
        try:
            self.path = claude_hook.socket_path("/e.yaml", "sqlite:////s.db")
        finally:
            os.environ.pop("XDG_RUNTIME_DIR") if before is None else os.environ.update(XDG_RUNTIME_DIR=before)
        self.asked = threading.Event()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen(8)
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listening.accept()[0]
                with connection:
                    request = claude_hook.receive(connection)
                    self.asked.set()
                    self._answer(request, connection)
            except (OSError, claude_hook.Blocked):
                return

    def start(self, *python: str, program: str = "", **more: Any) -> subprocess.Popen[bytes]:
        words = [sys.executable, *(python or ("-I", "-S", "-B")), program or str(HOOK), *self.options]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(words, **{**pipes, "env": self.env, **more})

    def ask(self, *python: str, event: bytes | None = None, **more: Any) -> tuple[int, bytes, bytes]:
        process = self.start(*python, **more)
        out, err = process.communicate(json.dumps(EVENT).encode() if event is None else event, HANGS_S)
        return process.returncode, out, err

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def fake(short_folder) -> Iterator[Callable[..., Fake]]:
    made: list[Fake] = []

    def make(answer: Any) -> Fake:
        def give(request: Any, connection: socket.socket) -> None:
            if callable(answer):
                answer(request, connection)
            else:
                claude_hook.send(connection, {"id": request["id"], **answer})

        made.append(Fake(short_folder(), give))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_no_objection_is_one_document_and_nothing_else(fake):
    code, out, err = fake(FINE).ask()

    assert (code, json.loads(out), err) == (0, FINE["out"], b"")


def test_a_refusal_is_a_document_and_the_code_two(fake):
    said = {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "deny"}}
    code, out, err = fake({"exit": 2, "out": said, "err": "no"}).ask()

    assert (code, json.loads(out), err) == (2, said, b"no")


def raw(data: bytes) -> Callable[[Any, socket.socket], None]:
    return lambda request, connection: connection.sendall(data)


ALLOW = {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "allow"}}
GARBAGE = {
    "nothing": raw(b""),
    "half a length": raw(b"\0\0"),
    "half an answer": raw(b"\0\0\0\x20{}"),
    "no JSON": raw(b"\0\0\0\x05hello"),
    "no object": raw(b"\0\0\0\x02[]"),
    "an answer without end": raw(b"\xff\xff\xff\xff" + b"x" * 1000),
    "another question's answer": {**FINE, "id": "other"},
    "no decision": {"out": {}},
    "an empty document": {"exit": 0, "out": {}},
    "only go on": {"exit": 0, "out": {"continue": True}},
    "an allow": {"exit": 0, "out": ALLOW},
    "an ask": {
        "exit": 0,
        "out": {"hookSpecificOutput": {**ALLOW["hookSpecificOutput"], "permissionDecision": "ask"}},
    },
    "an old allow": {"exit": 0, "out": {**FINE["out"], "decision": "approve"}},
    "another event's": {"exit": 0, "out": {"hookSpecificOutput": {"hookEventName": "PostToolUse"}}},
    "arguments that are none": {
        "exit": 0,
        "out": {"hookSpecificOutput": {"hookEventName": "PreToolUse", "updatedInput": "x"}},
    },
    "a key that nobody knows": {"exit": 0, "out": {**FINE["out"], "async": True}},
    "a code that is true": {"exit": False, "out": FINE["out"]},
    "another code": {"exit": 3, "out": FINE["out"]},
    "no document": {"exit": 0, "out": None},
    "a failure that blocks nothing": {"exit": 1, "out": {}},
    "a number that is none": {
        "exit": 0,
        "out": {"hookSpecificOutput": {"hookEventName": "PreToolUse", "updatedInput": {"n": float("nan")}}},
    },
}


@pytest.mark.parametrize("answer", GARBAGE)
def test_an_answer_that_is_no_decision_blocks_and_says_so(fake, answer):
    code, out, err = fake(GARBAGE[answer]).ask()

    assert (code, out) == (2, b"") and err.startswith(b"remit: no decision, so this is blocked: ")


EVENTS = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no event": b"{}",
    "nested without end": b"[" * 200_000,
    "bytes": bytes(range(256)),
}


@pytest.mark.parametrize("event", EVENTS)
def test_what_is_no_event_blocks(fake, event):
    code, out, err = fake(FINE).ask(event=EVENTS[event])

    assert (code, out) == (2, b"") and b"no decision" in err


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_with_a_closed_standard_file_it_blocks(fake, closed):
    shut = "".join(f"os.close({number});" for number in closed)
    there = fake(FINE)
    words = ["-I", "-S", "-B", str(HOOK), *there.options]
    code = f"import os, sys; {shut} os.execv(sys.executable, [sys.executable, *{words!r}])"

    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(EVENT).encode(),
        env=there.env,
        check=False,
        timeout=HANGS_S,
    )

    assert done.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_it_waits_blocks(fake, number):
    release = threading.Event()
    there = fake(lambda request, connection: release.wait(HANGS_S))
    process = there.start()
    process.stdin.write(json.dumps(EVENT).encode())
    process.stdin.close()
    process.stdin = None
    assert there.asked.wait(HANGS_S)

    process.send_signal(number)
    out, err = process.communicate(timeout=HANGS_S)
    release.set()

    assert (process.returncode, out) == (2, b"") and b"stopped by signal" in err


def test_a_reader_that_goes_away_before_the_answer_is_no_success(fake):
    reader, writer = os.pipe()
    os.close(reader)
    process = fake(FINE).start(stdout=writer)
    os.close(writer)
    _, err = process.communicate(json.dumps(EVENT).encode(), HANGS_S)

    assert process.returncode == 2 and b"BrokenPipeError" in err


def test_optimised_it_does_the_same(fake):
    assert fake(FINE).ask("-O", "-I", "-S")[0] == 0
    assert fake({"exit": 0, "out": {}}).ask("-OO", "-I", "-S")[0] == 2


def test_modules_of_the_project_do_not_reach_it(fake, tmp_path):
    there = fake({"exit": 2, "out": {}, "err": "no"})
    for name in ("json", "socket", "struct", "zlib", "sitecustomize", "usercustomize", "remit"):
        (tmp_path / f"{name}.py").write_text("import os; os.write(1, b'{}'); os._exit(0)", encoding="utf-8")
    there.env = {
        **there.env,
        "PYTHONPATH": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "json.py"),
        "PYTHONINSPECT": "1",
    }

    assert there.ask(cwd=tmp_path)[0] == 2


def test_started_by_its_name_it_begins_again_isolated(fake):
    code = "from remit.adapters.claude_hook import run; run()"
    there = fake(FINE)
    there.env["PYTHONPATH"] = str(HOOK.parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", code, *there.options],
        env=there.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    out, _ = process.communicate(json.dumps(EVENT).encode(), HANGS_S)

    assert (process.returncode, json.loads(out)) == (0, FINE["out"])


def test_without_an_envelope_it_blocks():
    done = subprocess.run(
        [sys.executable, "-I", str(HOOK)], input=b"{}", capture_output=True, check=False, timeout=HANGS_S
    )

    assert done.returncode == 2 and b"remit hooks install" in done.stderr


def test_a_folder_of_sockets_that_others_can_reach_is_refused(fake):
    there = fake(FINE)
    Path(there.path).parent.chmod(0o755)

    code, _, err = there.ask()

    assert code == 2 and b"only this user can reach" in err


def test_a_daemon_that_cannot_start_blocks_at_once_and_tells_why(tmp_path, short_folder):
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(short_folder())}
    missing = tmp_path / "e.yaml"
    words = ["--envelope", str(missing), "--store", f"sqlite:///{tmp_path}/s.db"]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(HOOK), *words],
        input=json.dumps(EVENT).encode(),
        capture_output=True,
        env=env,
        check=False,
        timeout=HANGS_S,
    )

    assert (done.returncode, done.stdout) == (2, b"")
    assert b"does not start" in done.stderr and str(missing).encode() in done.stderr


def test_a_daemon_that_is_slow_to_start_is_waited_for_and_no_other_is_started(monkeypatch):
    starting, _ = os.pipe()
    os.set_blocking(starting, False)
    now, started = [1_000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.append(now.pop() + seconds))
    monkeypatch.setattr(claude_hook, "_start", lambda *_: started.append("one") or starting)
    monkeypatch.setattr(
        claude_hook, "_asked", lambda _, asked: {"id": asked["id"], **FINE} if now[0] > 1_020.0 else None
    )

    assert claude_hook._answer({"envelope": "/e.yaml", "store": "sqlite:////s.db"}, EVENT)["exit"] == 0
    assert started == ["one"]


@pytest.mark.parametrize("limit", ["resource.RLIMIT_NOFILE, (3, 3)", "resource.RLIMIT_AS, (40_000_000,) * 2"])
def test_without_files_or_memory_it_never_ends_well(fake, limit):
    there = fake(FINE)
    words = [sys.executable, "-I", "-S", "-B", str(HOOK), *there.options]
    code = f"import os, resource; resource.setrlimit({limit}); os.execv({words[0]!r}, {words!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps({**EVENT, "tool_input": {"x": "y" * 30_000_000}}).encode(),
        env=there.env,
        capture_output=True,
        check=False,
        timeout=HANGS_S,
    )

    assert done.returncode != 0 and done.stdout == b""


def test_a_stop_that_cannot_be_answered_is_no_reason_to_go_on(fake):
    event = json.dumps({"hook_event_name": "Stop", "session_id": "s"}).encode()

    assert fake(raw(b"")).ask(event=event)[0] == 1


def test_it_imports_the_standard_library_only_and_no_path_library():
    tree = ast.parse(HOOK.read_text(encoding="utf-8"))
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert names <= {
        "__future__",
        "os",
        "sys",
        "typing",
        "json",
        "socket",
        "struct",
        "time",
        "zlib",
        "signal",
    }
