import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from remit.adapters.rerun_command import MOST_ANSWER, RerunCommand, RerunFailed, answered
from remit.core.errors import BadInput
from remit.core.types import ToolCall

MESSAGES = [{"role": "user", "content": "refund O-1 — schnell"}]
TOOLS = [{"name": "refund", "parameters": {"type": "object"}}]
ECHO = """
import json, sys
asked = json.load(sys.stdin)
assert asked["remit"] == "rerun/v1" and asked["tools"][0]["name"] == "refund"
args = {"why": asked["messages"][0]["content"], "seed": asked["seed"]}
print(json.dumps({"calls": [{"name": "refund", "args": args}]}))
"""


HANGS_S = 600.0
"""Only against hanging."""


def command(script: str, timeout_s: float = HANGS_S) -> RerunCommand:
    return RerunCommand([sys.executable, "-c", script], timeout_s)


def test_the_command_reads_one_request_and_its_calls_are_taken():
    assert command(ECHO).next_calls(MESSAGES, TOOLS, 17) == (
        ToolCall("refund", {"why": "refund O-1 — schnell", "seed": 17}),
    )


def test_no_call_is_an_answer_too():
    assert command("print('{\"calls\": []}')").next_calls(MESSAGES, TOOLS, 0) == ()


def test_a_command_that_answers_without_reading_a_long_request_is_heard():
    long = [{"role": "user", "content": "x" * 3_000_000}]

    assert command("print('{\"calls\": []}')").next_calls(long, TOOLS, 0) == ()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("print('I would refund it')", "not JSON"),
        ("", "not JSON"),
        ("print('[]')", 'no list "calls"'),
        ("print('{\"calls\": {}}')", 'no list "calls"'),
        ("print('{\"calls\": [{}]}')", "has no name"),
        ('print(\'{"calls": [{"name": "x", "args": "{}"}]}\')', "no object"),
        ('print(\'{"calls": [], "calls": []}\')', "not JSON"),
        ("import sys; sys.exit('no key is set')", "exit code 1: no key is set"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
        (f"print('x' * {MOST_ANSWER + 1})", "bytes of answer"),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", "not JSON"),
    ],
)
def test_whatever_is_no_answer_is_a_failure_with_its_reason(script, told):
    with pytest.raises(RerunFailed, match=told):
        command(script).next_calls(MESSAGES, TOOLS, 0)


def test_an_endless_answer_is_cut_off():
    with pytest.raises(RerunFailed, match="bytes of answer"):
        command("while True: print('x' * 100000)").next_calls(MESSAGES, TOOLS, 0)


def test_a_command_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path, monkeypatch):
    note = tmp_path / "pid"

    class Timed(subprocess.Popen):
        """Whose time begins once it has started what it starts."""

        def wait(self, timeout=None):
            while self.poll() is None and not (note.exists() and note.read_text()):
                time.sleep(0.01)
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Timed)
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(RerunFailed, match=r"no answer within 0.2 s"):
        command(script, timeout_s=0.2).next_calls(MESSAGES, TOOLS, 0)

    assert _gone(int(note.read_text()))


def test_what_an_answering_command_leaves_running_is_killed_and_does_not_delay(tmp_path: Path):
    note = tmp_path / "pid"
    script = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "print('{\"calls\": []}')\n"
    )
    assert command(script).next_calls(MESSAGES, TOOLS, 0) == ()
    assert _gone(int(note.read_text()))


def test_what_a_command_answered_is_read_however_late(monkeypatch):
    class Late(threading.Thread):
        """As where this process stood still: the first wait for it is over before it has done anything."""

        def __init__(self, **given):
            self.waited = threading.Event()
            super().__init__(**given)

        def run(self):
            self.waited.wait(HANGS_S)
            super().run()

        def join(self, timeout=None):
            if self.waited.is_set():
                super().join(timeout)
            self.waited.set()

    monkeypatch.setattr(threading, "Thread", Late)

    assert command('print(\'{"calls": [{"name": "x"}]}\')').next_calls(MESSAGES, TOOLS, 0) == (
        ToolCall("x", {}),
    )


def _gone(pid: int) -> bool:
    """Whether a process ends, within a generous while."""
    until = time.monotonic() + HANGS_S
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_no_shell_looks_at_the_arguments():
    echo = RerunCommand(["echo", '{"calls": []}', ";", "touch", "never"])

    with pytest.raises(RerunFailed, match="not JSON"):
        echo.next_calls(MESSAGES, TOOLS, 0)
    assert not Path("never").exists()


def test_the_command_does_not_get_the_settings_of_this_process(monkeypatch):
    monkeypatch.setenv("REMIT_STORE", "sqlite:production.db")
    monkeypatch.setenv("MODEL_KEY", "k")
    script = (
        "import json, os\n"
        "print(json.dumps({'calls': [{'name': 'x', 'args': {k: v for k, v in os.environ.items()"
        " if k.startswith('REMIT_') or k == 'MODEL_KEY'}}]}))"
    )
    assert command(script).next_calls(MESSAGES, TOOLS, 0)[0].args == {"MODEL_KEY": "k"}
    assert os.environ["REMIT_STORE"]


@pytest.mark.parametrize("argv", [[], ["no-such-program-anywhere"]])
def test_a_command_that_is_not_there_is_said_at_once(argv):
    with pytest.raises(BadInput, match="name a program"):
        RerunCommand(argv)


def test_arguments_may_be_left_out():
    assert answered(b'{"calls": [{"name": "list"}]}') == (ToolCall("list", {}),)
