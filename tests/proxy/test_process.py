"""The proxy as a process: how it begins and ends, and that no server outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from joined import LONG_S
from test_features import OPEN, SERVER, STRICT

import remit

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
HANDSHAKE = [
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]


def call(id_: int, name: str, **arguments: Any) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "id": id_,
        "method": "tools/call",
        "params": {"name": name, "arguments": arguments},
    }


PATIENT = f"""
from remit.cli.main import run
from remit.proxy import pump, upstream
upstream.GRACE_S = pump.ANSWERED_S = {LONG_S}
run()
"""
"""The proxy, where a busy machine's server has all the time that it may need to end by itself."""


class Running:
    """A proxy in a process of its own, and its client: this test.

    Args:
        patient: whether the server is given more than the usual time to end by itself.
    """

    def __init__(self, folder: Path, envelope: str, *server: str, **options: Any) -> None:
        self.folder = folder
        self.envelope = folder / "envelope.yaml"
        self.envelope.write_text(envelope)
        self.store = f"sqlite:///{folder / 'remit.db'}"
        ours = ["proxy", "--envelope", str(self.envelope), "--store", self.store, *options.pop("given", [])]
        program = ["-c", PATIENT] if options.pop("patient", False) else ["-m", "remit.cli.main"]
        command = [sys.executable, *program, *ours, "--", *(server or (sys.executable, SERVER))]
        pipe = subprocess.PIPE
        opened = {"stdin": pipe, "stdout": pipe, "stderr": pipe, "start_new_session": True} | options
        self.process: subprocess.Popen[bytes] = subprocess.Popen(command, **opened)

    def send(self, *messages: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        for one in messages:
            self.process.stdin.write(json.dumps(one).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self, id_: int) -> dict[str, Any]:
        """The answer to a request; what comes before it is passed over."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("id") == id_ and "method" not in message:
                return dict(message)
        raise AssertionError("the proxy ended before it answered")

    def meet(self) -> None:
        self.send(*HANDSHAKE)
        self.answer(1)

    def leave(self) -> tuple[int, str]:
        """Close its input.

        Returns:
            Its exit code, and what it said on standard error.
        """
        _, said = self.process.communicate(timeout=LONG_S)
        return self.process.returncode, said.decode()

    def events(self, kind: str) -> list[Any]:
        """What was recorded, over all sessions."""
        from remit.cli.opened import opened

        with remit.open(self.envelope, self.store) as guard, opened(self.store) as at:
            sql = "SELECT DISTINCT session FROM event WHERE session IS NOT NULL"
            ids = at.store.read(
                lambda connection: [str(row[0]) for row in connection.execute(sql).fetchall()]
            )
            found = [event.event for id_ in ids for event in guard.records.events(id_)]
        return [event for event in found if event.kind == kind]


Start = Callable[..., Running]


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts proxies; none is left behind."""
    made: list[Running] = []

    def started(envelope: str = OPEN, *server: str, **options: Any) -> Running:
        made.append(Running(folder, envelope, *server, **options))
        return made[-1]

    yield started
    for one in made:
        one.process.kill()
        one.process.wait()


def until(found: Callable[[], Any]) -> Any:
    ends = time.monotonic() + LONG_S
    while not (seen := found()):
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.02)
    return seen


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def stubborn(start: Start, folder: Path) -> Iterator[tuple[Running, list[int]]]:
    """A proxy in front of a server that hears nothing, and has a child; and the two's processes."""
    place = folder / "pids"
    at = start(OPEN, sys.executable, SERVER, str(place), "--stay")
    pids = [int(pid) for pid in until(lambda: place.exists() and place.read_text().split())]
    yield at, pids
    for pid in pids:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_server_that_hears_nothing_is_ended_with_its_children_when_the_client_leaves(
    stubborn: tuple[Running, list[int]],
):
    at, pids = stubborn
    assert all(alive(pid) for pid in pids)

    code, said = at.leave()
    assert code == 0, said
    until(lambda: not any(alive(pid) for pid in pids))


def test_no_server_outlives_a_proxy_that_is_killed(stubborn: tuple[Running, list[int]]):
    at, pids = stubborn
    at.process.kill()
    at.process.wait()

    until(lambda: not any(alive(pid) for pid in pids))


LEAVES_A_CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
open(sys.argv[1], "w").write(f"{child.pid}\\n")
sys.stdin.read()
"""


def test_what_a_server_left_running_is_ended_too(start: Start, folder: Path):
    place = folder / "child"
    at = start(OPEN, sys.executable, "-c", LEAVES_A_CHILD, str(place))
    until(lambda: place.exists() and place.read_text().endswith("\n"))
    child = int(place.read_text())
    assert at.leave()[0] == 0
    until(lambda: not alive(child))


def test_the_guardian_ends_with_the_proxy(start: Start):
    at = start()
    at.meet()
    before = psutil.Process(at.process.pid).children(recursive=True)
    assert len(before) == 2
    at.leave()

    until(lambda: not any(alive(one.pid) for one in before))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_cancels_what_is_in_flight_records_it_and_ends(start: Start, folder: Path, number: int):
    mark = folder / "mark"
    at = start(STRICT, patient=True)
    at.meet()
    at.send(call(2, "sleep", seconds=6000.0, mark=str(mark)))
    until(lambda: Path(f"{mark}.begun").exists())
    at.process.send_signal(number)

    assert at.process.wait(LONG_S) == 0
    assert Path(f"{mark}.stopped").exists()
    (settled,) = at.events("settled")
    assert settled.body["error"]["type"] == "CancelledError" and len(at.events("session.closed")) == 1


def test_a_client_that_leaves_in_the_middle_of_a_call_has_it_recorded(start: Start, folder: Path):
    mark = folder / "mark"
    at = start(STRICT, patient=True)
    at.meet()
    at.send(call(2, "sleep", seconds=6000.0, mark=str(mark)))
    until(lambda: Path(f"{mark}.begun").exists())

    assert at.leave()[0] == 0
    assert Path(f"{mark}.stopped").exists() and len(at.events("settled")) == 1


def test_a_server_that_dies_in_the_middle_of_calls_leaves_each_an_answer_and_ends_the_proxy(start: Start):
    at = start(STRICT.replace("    grow:", "    die:"), patient=True)
    at.meet()
    at.send(call(2, "sleep", seconds=6000.0, mark="/dev/null/no"), call(3, "die"))
    told = json.loads(at.answer(3)["result"]["content"][0]["text"])

    assert told["remit"] == "unknown"
    assert at.process.wait(LONG_S) == 1
    assert len(at.events("settled")) == 2


def test_a_server_whose_output_somebody_else_holds_open_has_ended_all_the_same(start: Start):
    holder = "sleep 600 & exit 0"
    at = start(OPEN, "sh", "-c", holder)

    assert at.process.wait(LONG_S) == 1


def test_nothing_but_the_protocol_is_on_standard_output(start: Start):
    at = start(OPEN, given=["--namespace", "x"])
    requests = [*HANDSHAKE, call(2, "echo", text="a"), {"jsonrpc": "2.0", "id": 3, "method": "nonsense"}]
    at.send(*requests)
    at.answer(3)
    out, _ = at.process.communicate(timeout=LONG_S)

    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())


@pytest.mark.parametrize("given, told", [([], False), (["--namespace", "x"], True)])
def test_an_envelope_that_enforces_for_other_tools_is_named_where_all_are_hidden(
    start: Start, given: list[str], told: bool
):
    at = start(STRICT, given=given)
    at.meet()
    at.send({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
    hidden = not at.answer(2)["result"]["tools"]
    _, said = at.leave()

    assert hidden is told
    assert ("tester lists none of this server's tools" in said) is told


def test_input_and_output_may_be_files(start: Start, folder: Path):
    (folder / "in.jsonl").write_text("".join(json.dumps(one) + "\n" for one in HANDSHAKE))
    with (folder / "in.jsonl").open("rb") as given, (folder / "out.jsonl").open("wb") as got:
        at = start(stdin=given, stdout=got)
        assert at.process.wait(LONG_S) == 0


@pytest.mark.parametrize(
    ("server", "given", "says"),
    [
        (("no-such-program",), [], "no-such-program: cannot be started: No such file"),
        ((sys.executable, SERVER), ["--fact", "x"], "--fact: found 'x'"),
        ((sys.executable, SERVER), ["--timeout", "-1"], "--timeout"),
        ((sys.executable, SERVER), ["--principal-kind", "king"], "--principal-kind: found 'king'"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_on_standard_output(
    start: Start, server: tuple[str, ...], given: list[str], says: str
):
    at = start(OPEN, *server, given=given)
    out, said = at.process.communicate(timeout=LONG_S)

    assert at.process.returncode == 3 and out == b""
    assert says in said.decode()


def test_a_malformed_envelope_is_said_and_no_server_is_started(start: Start, folder: Path):
    at = start("kind: nothing", "touch", str(folder / "started"))
    _, said = at.process.communicate(timeout=LONG_S)

    assert at.process.returncode == 3 and "envelope.yaml" in said.decode()
    assert not (folder / "started").exists()


def test_a_changed_envelope_is_put_in_force_while_the_proxy_runs(start: Start):
    at = start(STRICT)
    at.meet()
    at.send(call(2, "echo", text="a"))
    assert not at.answer(2)["result"].get("isError")
    aside = at.envelope.with_suffix(".new")
    aside.write_text(
        STRICT.replace(
            "effect: read\n", "effect: read\n      require: [{id: not-a, expr: \"args.text != 'a'\"}]\n", 1
        )
    )
    os.replace(aside, at.envelope)

    def refused() -> bool:
        number = int(time.monotonic() * 1000)
        at.send(call(number, "echo", text="a"))
        return bool(at.answer(number)["result"].get("isError"))

    until(refused)


def test_a_file_that_agents_write_does_not_set_where_the_keys_are(start: Start, folder: Path):
    (folder / "pyproject.toml").write_text(f'[tool.remit]\nhome = "{folder / "elsewhere"}"\n')
    at = start(cwd=folder)
    at.meet()
    code, _ = at.leave()

    assert code == 0 and not (folder / "elsewhere").exists()
