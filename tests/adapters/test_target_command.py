"""Commands as agents under test: the talk over lines, and everything that a bad one does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.adapters.trials import FakeTrial

from remit.adapters.target_command import CommandTarget
from remit.adapters.target_wire import AgentFailed
from remit.core.errors import Unavailable
from remit.core.refusals import AgentHalted
from remit.core.types import Mode
from remit.ports import Answered


def python(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", textwrap.dedent(source))


def run(argv: tuple[str, ...], trial: FakeTrial | None = None, within_s: float = 120.0) -> Answered:
    async def once() -> Answered:
        async with asyncio.timeout(within_s):
            return await CommandTarget(argv).run(trial or FakeTrial())

    return asyncio.run(once())


TALKS = """
    import json, sys
    request = json.loads(sys.stdin.readline())
    print(json.dumps({"observe": {"role": "assistant", "text": "I look."}}), flush=True)
    print(json.dumps({"call": {"tool": "get_order", "args": {"order_id": "1"}}}), flush=True)
    told = json.loads(sys.stdin.readline())
    print(json.dumps({"answer": {"told": told, "seed": request["seed"], "input": request["input"]}, "tokens": 5}))
"""


def test_a_command_reads_its_request_calls_a_tool_and_answers() -> None:
    trial = FakeTrial()

    found = run(python(TALKS), trial)

    told = {"result": {"status": "sent"}}
    assert found.answer == {"told": told, "seed": 7, "input": "Where is order 1?"}
    assert (found.tokens, trial.calls) == (5, [("get_order", {"order_id": "1"})])
    assert trial.observed == [("assistant", "I look.")]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (
            AgentHalted("a", Mode.HALTED, "stop"),
            {"refused": "agent a is HALTED: stop. See: remit breaker show a"},
        ),
        (ValueError("no such order"), {"failed": "ValueError: no such order"}),
    ],
)
def test_a_refused_or_failed_call_is_told_to_the_command(raised: Exception, told: dict[str, str]) -> None:
    answer = run(python(TALKS), FakeTrial(results={"get_order": raised})).answer

    assert isinstance(answer, dict)
    assert [*answer["told"]] == [*told]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("print('Order 1 was sent.')", "Order 1 was sent."),
        ("import sys; sys.stdin.close(); print('{\\n \"answer\": 3\\n}')", 3),
        ("print('{\"other\": 1}')", '{"other": 1}'),
        ("print(); print('{\"answer\": null}')", None),
    ],
)
def test_a_program_that_only_writes_its_answer_is_an_agent(source: str, answer: object) -> None:
    assert run(python(source)).answer == answer


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise SystemExit('no key is set')", "exit code 1: no key is set"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
        ("pass", "without an answer"),
        ('print(\'{"answer": 1, "tokens": -3}\')', '"tokens" is -3'),
        ('print(\'{"answer": 1, "calls": [{}]}\')', 'names no "tool"'),
        ("print('{\"call\": 3}')", '"call" names no "tool"'),
        ('print(\'{"answer": "refunded\')', "its answer is not JSON"),
        ("print('{\\n\"answer\": NaN}')", "its answer is not JSON"),
        ("print('{\"answer\": 1, \"tokens\": 1' + '0' * 99 + '}')", "not JSON|tokens"),
        ("print('{\"observe\": 3}')", '"observe" has no'),
        ("print('x' * 3_000_000)", "more than 1000000 bytes"),
        ("import sys\nwhile True: print('noise ' * 1000)", "more than 16000000 bytes of output"),
    ],
)
def test_what_is_no_answer_is_a_failure_of_the_agent(source: str, told: str) -> None:
    with pytest.raises(AgentFailed, match=told):
        run(python(source))


def test_exit_code_75_and_a_program_that_is_not_there_are_the_worlds_failure() -> None:
    with pytest.raises(Unavailable, match="exit code 75: busy"):
        run(python("import sys; print('busy', file=sys.stderr); sys.exit(75)"))
    with pytest.raises(Unavailable, match="could not be started"):
        run(("/no/such/program",))


def test_a_command_that_floods_standard_error_is_read_all_the_same() -> None:
    flood = "import sys; sys.stderr.write('x' * 5_000_000); print('{\"answer\": \"done\"}')"

    assert run(python(flood)).answer == "done"


def test_a_hanging_command_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    source = f"""
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
        time.sleep(600)
    """

    async def cut_off() -> None:
        async with asyncio.timeout(None) as limit:
            running = asyncio.create_task(CommandTarget(python(source)).run(FakeTrial()))
            while not (pids.exists() and len(pids.read_text().split()) == 2):
                assert not running.done()
                await asyncio.sleep(0.01)
            limit.reschedule(asyncio.get_running_loop().time())
            await running

    with pytest.raises(TimeoutError):
        asyncio.run(cut_off())

    ended = time.monotonic() + 60
    alive = list(map(int, pids.read_text().split()))
    while alive and time.monotonic() < ended:
        alive = [pid for pid in alive if _runs(pid)]
        time.sleep(0.05)
    assert alive == []


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


def test_its_settings_are_not_remits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_STORE", "sqlite:///secret.db")
    source = (
        "import os; print('{\"answer\": \"' + os.environ.get('REMIT_STORE', '') + os.environ['OWN'] + '\"}')"
    )

    async def once() -> Answered:
        return await CommandTarget(python(source), environ={"OWN": "yes"}).run(FakeTrial())

    assert asyncio.run(once()).answer == "yes"
    assert os.environ["REMIT_STORE"]


def test_a_killed_command_leaves_no_warning_of_asyncio_behind(caplog: pytest.LogCaptureFixture) -> None:
    """Its end is noticed before pipes and loop are closed, also where the run is cancelled twice."""

    async def cancelled_twice() -> None:
        waits = python("import sys, time; sys.stdin.readline(); time.sleep(30)")
        runs = [asyncio.create_task(CommandTarget(waits).run(FakeTrial())) for _ in range(4)]
        await asyncio.sleep(0.3)
        for _ in range(2):
            for one in runs:
                one.cancel()
            await asyncio.sleep(0)

    for _ in range(3):
        run(python("import time; print('{\"answer\": 1}', flush=True); time.sleep(30)"))
        asyncio.run(cancelled_twice())
    time.sleep(0.3)

    assert [record.message for record in caplog.records if record.name == "asyncio"] == []
