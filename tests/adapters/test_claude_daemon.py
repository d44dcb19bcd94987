"""The daemon and those who ask it, well and badly."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.adapters import daemon as daemon_module
from remit.adapters.claude_hook import MOST_BYTES, Blocked, private_folder, receive, send, socket_path
from remit.adapters.daemon import Daemon, locked
from remit.cli.main import main
from remit.core.errors import Unavailable

ENVELOPE, STORE = "/e.yaml", "sqlite:////s.db"
OPTIONS = {"envelope": ENVELOPE, "store": STORE}
HANGS_S = 600


class Served:
    def __init__(self, **changed: Any) -> None:
        self.busy = False
        self.gate = threading.Event()
        self.gate.set()
        given: dict[str, Any] = {
            "options": OPTIONS,
            "version": "1",
            "answer": self.answer,
            "busy": lambda: self.busy,
        }
        self.daemon = Daemon(ENVELOPE, STORE, **{**given, **changed})
        self.ready = threading.Event()
        self.result: list[bool] = []
        self.thread = threading.Thread(target=lambda: self.result.append(self.daemon.serve(self.ready.set)))

    def answer(self, event: Any, env: Any) -> dict[str, Any]:
        self.gate.wait(HANGS_S)
        if event.get("hook_event_name") == "raises":
            raise ZeroDivisionError
        return {"exit": 0, "out": {"heard": event}}

    def start(self) -> Served:
        self.thread.start()
        assert self.ready.wait(HANGS_S)
        return self

    def open(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(HANGS_S)
        connection.connect(self.daemon.path)
        return connection

    def ask(self, **changed: Any) -> Any:
        with self.open() as connection:
            event = {"hook_event_name": "PreToolUse"}
            send(
                connection,
                {"id": "q", "version": "1", "options": OPTIONS, "env": {}, "event": event, **changed},
            )
            return receive(connection)

    def ended(self) -> bool:
        self.thread.join(HANGS_S)
        return not self.thread.is_alive()


@pytest.fixture
def served(short_folder, monkeypatch) -> Iterator[Any]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder()))
    made: list[Served] = []

    def make(**changed: Any) -> Served:
        made.append(Served(**changed))
        return made[-1]

    yield make
    for one in made:
        one.gate.set()
        one.daemon.stop()
        if one.thread.ident is not None:
            one.thread.join(HANGS_S)


def test_a_question_gets_its_own_answer(served):
    assert served().start().ask()["out"] == {"heard": {"hook_event_name": "PreToolUse"}}


def test_clients_that_say_nothing_half_or_too_much_cost_nobody_else_an_answer(served, monkeypatch):
    there = served().start()

    def bad_ones() -> list[socket.socket]:
        silent, half, long, gone = (there.open() for _ in range(4))
        event = {"hook_event_name": "x"}
        with contextlib.suppress(ConnectionError):  # given up before it said it
            half.sendall(b"\0\0\1\0{")
        with contextlib.suppress(ConnectionError):
            long.sendall((50_000_000).to_bytes(4, "big") + b"x" * 10_000)
        with contextlib.suppress(ConnectionError):
            send(gone, {"id": "q", "version": "1", "options": OPTIONS, "env": {}, "event": event})
        gone.close()
        return [silent, half, long]

    monkeypatch.setattr(daemon_module, "READ_S", HANGS_S)
    waiting = bad_ones()
    assert there.ask()["exit"] == 0

    monkeypatch.setattr(daemon_module, "READ_S", 0.5)
    for one in bad_ones():
        with pytest.raises((Blocked, ConnectionError)):
            receive(one)
        one.close()
    monkeypatch.setattr(daemon_module, "READ_S", HANGS_S)
    assert there.ask()["exit"] == 0
    for one in waiting:
        one.close()


def test_fifty_megabytes_are_refused_before_they_are_read(served):
    with served().start().open() as connection, pytest.raises((Blocked, ConnectionError)):
        connection.sendall((50_000_000).to_bytes(4, "big"))
        connection.sendall(b"x" * (50_000_000 - MOST_BYTES))
        receive(connection)


def test_an_exception_gives_no_answer(served):
    there = served().start()

    with pytest.raises(Blocked):
        there.ask(event={"hook_event_name": "raises"})
    assert there.ask()["exit"] == 0


@pytest.mark.parametrize("event", [None, [], "x"])
def test_a_question_without_an_event_gets_no_answer(served, event):
    with pytest.raises(Blocked):
        served().start().ask(event=event)


def test_two_never_serve_one_socket(served):
    first, second = served().start(), served()

    assert second.daemon.serve() is False
    assert first.ask()["exit"] == 0


def test_one_whose_socket_was_removed_ends_at_once_and_lets_another_serve(served):
    """Holding on to the lock it would keep every other from serving, until it was idle for long enough."""
    first, second = served(idle_s=HANGS_S).start(), served()
    Path(first.daemon.path).unlink()

    assert first.ended() and first.result == [True]
    assert second.start().ask()["exit"] == 0


def test_one_whose_folder_was_cleaned_gives_way_and_leaves_the_socket_of_the_other_alone(served):
    first, second = served(idle_s=HANGS_S).start(), served()
    Path(f"{first.daemon.path[:-5]}.lock").unlink()

    assert second.start().ask()["exit"] == 0
    assert first.ended()
    assert second.ask()["exit"] == 0


def test_what_is_being_asked_when_the_socket_is_taken_away_is_answered(served):
    there = served().start()
    there.gate.clear()
    with there.open() as asking:
        event = {"hook_event_name": "PreToolUse"}
        send(asking, {"id": "q", "version": "1", "options": OPTIONS, "env": {}, "event": event})
        Path(there.daemon.path).unlink()
        there.gate.set()
        assert receive(asking)["exit"] == 0
    assert there.ended()


def test_of_two_that_start_at_once_the_second_ends_before_it_opens_anything(served, tmp_path, capsys):
    envelope, store = str(tmp_path / "none.yaml"), f"sqlite:///{tmp_path}/none.db"
    with locked(socket_path(envelope, store)):
        assert main(["hooks", "serve", "--envelope", envelope, "--store", store]) == 0

    assert "another daemon serves on" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert (
        main(["hooks", "serve", "--envelope", envelope, "--store", store]) == 3
    )  # nobody keeps it from starting


def test_a_lock_whose_file_was_removed_is_none(served):
    path = served().daemon.path
    with locked(path) as first:
        assert first is not None and locked(path) is None
        Path(f"{path[:-5]}.lock").unlink()
        with locked(path) as second:
            assert second is not None


def test_a_socket_that_a_killed_one_left_is_taken_over(served):
    there = served()
    left = socket.socket(socket.AF_UNIX)
    left.bind(there.daemon.path)
    left.close()

    assert there.start().ask()["exit"] == 0


def test_one_that_is_asked_with_other_options_refuses(served):
    answer = served().start().ask(options={**OPTIONS, "envelope": "/other.yaml"})

    assert answer["exit"] == 2 and "other options" in answer["err"]


def test_another_version_takes_its_place_once_no_call_is_open(served):
    there = served().start()
    there.busy = True
    assert there.ask(version="2")["exit"] == 2

    there.busy = False
    assert "retry" in there.ask(version="2") and there.ended()


def test_it_ends_when_nobody_asks_and_not_while_a_call_is_open(served):
    there = served(idle_s=0.3)
    there.busy = True
    there.start()
    time.sleep(1.0)
    assert there.thread.is_alive()

    there.busy = False
    assert there.ended() and there.result == [True] and not Path(there.daemon.path).exists()


def test_what_is_being_asked_when_it_is_told_to_end_is_answered(served):
    there = served().start()
    there.gate.clear()
    with there.open() as early, there.open() as late:
        for one in (early, late):
            event = {"hook_event_name": "PreToolUse"}
            send(one, {"id": "q", "version": "1", "options": OPTIONS, "env": {}, "event": event})
        there.daemon.stop()
        there.gate.set()
        assert [receive(one)["exit"] for one in (early, late)] == [0, 0]
    assert there.ended()


def test_the_socket_and_its_folder_are_for_this_user_only(served):
    there = served().start()

    assert Path(there.daemon.path).stat().st_mode & 0o077 == 0
    assert Path(there.daemon.path).parent.stat().st_mode & 0o077 == 0


def test_a_folder_that_is_a_link_or_open_to_others_is_refused(served, tmp_path):
    folder = Path(private_folder())
    folder.chmod(0o750)
    with pytest.raises(Unavailable, match="only this user"):
        served()

    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(Unavailable, match="only this user"):
        served()


@pytest.mark.skipif(
    not hasattr(socket, "SO_PEERCRED") or os.geteuid() != 0, reason="needs root and SO_PEERCRED"
)
def test_another_user_gets_no_answer(served):
    there = served().start()
    path = Path(there.daemon.path)
    for one in (path, path.parent, path.parent.parent):
        one.chmod(0o777)  # as if the folder kept nobody out
    code = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'\\0\\0\\0\\2{}'); sys.exit(len(s.recv(10)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, check=False, timeout=HANGS_S
    )

    assert done.returncode == 0 or b"ConnectionResetError" in done.stderr or b"BrokenPipe" in done.stderr
    assert there.ask()["exit"] == 0


PATIENT = """
import sys
sys.path.insert(0, {src!r})
from remit.adapters import claude_hook
claude_hook.START_S = {hangs}
sys.argv = ["hook", *{options!r}]
claude_hook.run()
"""


def test_many_hooks_that_find_no_daemon_start_one(desk):
    from claude_help import EXAMPLE, SRC

    desk.write(EXAMPLE.read_text(encoding="utf-8"))
    desk.install()
    (hook,) = desk.settings()["hooks"]["PreToolUse"][0]["hooks"]
    env = {**desk.environment(), "CLAUDE_PROJECT_DIR": str(desk.project)}
    patient = desk.home / "patient.py"  # the hook, where a daemon may need long to start
    patient.write_text(
        PATIENT.format(src=str(SRC), hangs=HANGS_S, options=hook["args"][4:]), encoding="utf-8"
    )

    def asked(number: int) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen([hook["command"], "-I", str(patient)], env=env, **pipes)
        event = {"hook_event_name": "PreToolUse", "session_id": f"s{number}", "tool_name": "Bash"}
        event |= {
            "tool_use_id": "t",
            "tool_input": {"command": "rm x" if number == 3 else "ls"},
            "transcript_path": "",
        }
        process.stdin.write(json.dumps(event).encode())
        process.stdin.close()
        process.stdin = None
        return process

    processes = [asked(number) for number in range(6)]
    told = [(process.communicate(timeout=HANGS_S)[1], process.returncode) for process in processes]

    assert [code for _, code in told] == [0, 0, 0, 2, 0, 0], told
    assert len({e.session for e in desk.kinds("decided")}) == 6
