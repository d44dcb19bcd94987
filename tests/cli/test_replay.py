"""`remit replay policy`: files in, a line for each session and a summary out."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Remit = Callable[..., Any]
Written = Callable[..., Path]

AIM = """apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: aim, version: "1"}
spec:
  tools:
    send:
      effect: write
      args: {type: object, additionalProperties: false, required: [to], properties: {to: {type: string}}}
      flow: [{id: named, arg: to, from: [user], on_violation: hold, by: [owner]}]
    look: {effect: read, args: {type: object, additionalProperties: false, properties: {}}}
"""


def session(name: str, *tools: str, suite: str = "", to: str = "bob", **extra: Any) -> dict[str, Any]:
    """The user names bob; then each tool is called, `send` with *to*."""
    steps: list[dict[str, Any]] = [{"role": "user", "content": "write to bob"}]
    for at, tool in enumerate(tools):
        args = {"to": to} if tool == "send" else {}
        steps.append({"role": "assistant", "tool_calls": [{"id": f"c{at}", "name": tool, "args": args}]})
        steps.append({"role": "tool", "tool_call_id": f"c{at}", "content": "done"})
    return {"session_id": name, "suite": suite, "steps": steps, **extra}


@pytest.fixture
def aim(written: Written) -> Path:
    return written("aim.yaml", AIM)


def test_each_session_is_a_line_and_the_summary_comes_last(remit: Remit, written: Written, aim: Path) -> None:
    sessions = [session("a", "look", "send"), session("b", "send", to="eve"), session("c", "nope", "send")]
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", written("s.jsonl", sessions), "--json")

    assert ran.code == 0
    assert [(line["session_id"], line["allow"], line["hold"], line["deny"]) for line in ran.lines[:-1]] == [
        ("a", 2, 0, 0),
        ("b", 0, 1, 0),
        ("c", 1, 0, 1),
    ]
    first = ran.lines[1]["first"]
    assert (first["step"], first["tool"], first["result"], first["clauses"]) == (
        1,
        "send",
        "hold",
        ["send.named"],
    )
    assert "must come from user" in first["reason"]
    assert ran.lines[0]["decisions"][1]["provenance"] == [
        {"path": "to", "origins": ["user"], "exempt": False}
    ]
    summary = ran.lines[-1]["summary"]
    assert {
        key: summary[key] for key in ("sessions", "calls", "allow", "hold", "deny", "untouched", "bad")
    } == {
        "sessions": 3,
        "calls": 5,
        "allow": 3,
        "hold": 1,
        "deny": 1,
        "untouched": 1,
        "bad": 0,
    }
    assert summary["clauses"] == {"send.named": 1, "unlisted": 1}
    assert summary["unlisted"] == {"nope": 1}
    assert summary["calls_per_s"] > 0 and summary["seconds"] >= 0


def test_each_suite_has_its_envelope_and_the_rest_is_skipped_and_counted(
    remit: Remit, written: Written, aim: Path, examples: Path
) -> None:
    sessions = [session("a", "send", suite="mail"), session("b", "send", suite="shop"), session("c", "send")]
    path = written("s.jsonl", sessions)
    refund = examples / "refund.yaml"
    ran = remit(
        "replay", "policy", "--envelope", f"mail={aim}", f"shop={refund}", "--sessions", path, "--json"
    )
    summary = ran.lines[-1]["summary"]

    assert [line["session_id"] for line in ran.lines[:-1]] == ["a", "b"]
    assert {suite: told["allow"] for suite, told in summary["suites"].items()} == {"mail": 1, "shop": 0}
    assert (summary["skipped"], summary["skipped_why"]) == (
        1,
        {"no envelope for a session without a suite": 1},
    )


def test_several_files_may_follow_one_option_or_repeat_it(remit: Remit, written: Written, aim: Path) -> None:
    files = [written(f"{name}.jsonl", [session(name, "look")]) for name in "abc"]
    once = remit("replay", "policy", "--envelope", aim, "--sessions", *files, "--json")
    each = remit(
        "replay", "policy", "--json", "--envelope", aim, *(x for f in files for x in ("--sessions", f))
    )

    assert once.lines[-1]["summary"]["sessions"] == each.lines[-1]["summary"]["sessions"] == 3


def test_a_folder_is_searched_to_the_bottom_and_gzip_is_read(
    remit: Remit, written: Written, aim: Path, tmp_path: Path
) -> None:
    written("logs/deep/er/a.jsonl", [session("a", "look")])
    packed = gzip.compress(json.dumps(session("b", "look")).encode())
    written("logs/b.jsonl.gz", packed)
    written("logs/tools.json", "{}")
    written("logs/c.jsonl", b"")
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", tmp_path / "logs", "--json")

    assert [line["session_id"] for line in ran.lines[:-1]] == ["b", "a"]


def test_worker_processes_give_the_same_lines_in_the_same_order(
    remit: Remit, written: Written, aim: Path
) -> None:
    for at in range(4):
        written(f"logs/{at}.jsonl", [session(f"{at}-{i}", "look", "send") for i in range(20)])
    where = written("logs/4.jsonl", []).parent
    alone = remit("replay", "policy", "--envelope", aim, "--sessions", where, "--json")
    both = remit("replay", "policy", "--envelope", aim, "--sessions", where, "--json", "--jobs", "2")

    assert len(alone.lines) == 81
    assert alone.lines[:-1] == both.lines[:-1]
    assert alone.lines[-1]["summary"]["clauses"] == both.lines[-1]["summary"]["clauses"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_record_that_is_no_session_stops_with_file_and_line(
    remit: Remit, written: Written, aim: Path, jobs: int
) -> None:
    path = written("s.jsonl", json.dumps(session("a", "look")) + "\n\nnot json\n")
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", path, "--jobs", jobs)

    assert ran.code == 3
    assert ran.err.startswith(f"remit: {path}:3: not JSON")


def test_a_bad_record_can_be_skipped_and_is_counted(remit: Remit, written: Written, aim: Path) -> None:
    lines = [
        json.dumps(session("a", "look")),
        "{}",
        '{"session_id": "x", "steps": 1}',
        json.dumps(session("b", "look")),
    ]
    path = written("s.jsonl", "\n".join(lines))
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", path, "--skip-bad", "--json")

    assert ran.code == 0
    assert [line["session_id"] for line in ran.lines[:-1]] == ["a", "b"]
    assert ran.lines[-1]["summary"]["bad"] == 2
    assert (
        "2 records are no session"
        in remit("replay", "policy", "--envelope", aim, "--sessions", path, "--skip-bad").err
    )


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ('{"steps": []}', "no 'session_id'"),
        ('{"session_id": 7, "steps": []}', "session_id: found 7; give each session an id, a text"),
        ('{"session_id": "s"}', "not a session: steps: Expected `array`, got `null`"),
        ('{"session_id": "s", "steps": [{}]}', "steps[0]: Object missing required field `role`"),
        (
            '{"session_id": "s", "steps": [{"role": "robot"}]}',
            "steps[0].role: found 'robot'; use one of system",
        ),
        ('{"session_id": "s", "steps": [{"role": "assistant", "tool_calls": [{}]}]}', "tool_calls[0]"),
        ('{"session_id": "s", "steps": [], "principal_kind": "boss"}', "use operator or customer"),
        ('{"session_id": "s", "steps": [], "facts": 3}', "facts is no object"),
        ('{"messages": 3}', "messages: is no list"),
        ('{"messages": [{}]}', "messages[0]: no 'role'"),
        ('{"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}', "no 'function'"),
        ('"text"', "found a string"),
        ("17", "found a number"),
        ('{"resourceSpans": []}', "see the session schema in docs/sessions.md"),
    ],
)
def test_the_error_says_what_is_wrong_with_a_record(
    remit: Remit, written: Written, aim: Path, record: str, told: str
) -> None:
    path = written("s.jsonl", record)
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", path)

    assert ran.code == 3
    assert f"{path}:1" in ran.err
    assert told in ran.err


def test_only_sessions_that_fit_where_are_judged(remit: Remit, written: Written, aim: Path) -> None:
    sessions = [
        session("a", "look", success=True, meta={"model": "m1"}, attack={"succeeded": True}),
        session("b", "look", success=False, meta={"model": "m1"}, attack=None),
        session("c", "look", success=True, meta={"model": "m2"}),
    ]
    path = written("s.jsonl", sessions)

    def judged(*where: str) -> list[str]:
        ran = remit("replay", "policy", "--envelope", aim, "--sessions", path, "--json", "--where", *where)
        return [line["session_id"] for line in ran.lines[:-1]]

    assert judged("model=m1") == ["a", "b"]
    assert judged("model=m1", "success=true") == ["a"]
    assert judged("attack.succeeded=true") == ["a"]
    assert judged("attack=null") == ["b"]
    assert judged("nothing=x") == []


@pytest.mark.parametrize(
    ("to", "fail_on", "code"),
    [("bob", "hold", 0), ("eve", "never", 0), ("eve", "deny", 0), ("eve", "hold", 1)],
)
def test_a_gate_fails_by_what_calls_got(
    remit: Remit, written: Written, aim: Path, to: str, fail_on: str, code: int
) -> None:
    path = written("s.jsonl", [session("a", "send", to=to)])

    assert remit("replay", "policy", "--envelope", aim, "--sessions", path, "--fail-on", fail_on).code == code


def test_a_gate_that_saw_no_session_is_inconclusive(remit: Remit, written: Written, aim: Path) -> None:
    path = written("s.jsonl", [session("a", "send")])
    args = ("replay", "policy", "--envelope", aim, "--sessions", path, "--where", "suite=other")

    assert remit(*args).code == 0
    assert remit(*args, "--fail-on", "deny").code == 4


def test_people_get_a_table_and_an_example_for_each_clause(remit: Remit, written: Written, aim: Path) -> None:
    path = written("s.jsonl", [session("a", "send", to="eve"), session("b", "nope")])
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", path)

    assert ran.code == 0
    assert "send.named" in ran.out
    assert "tools that no envelope lists: nope (1)" in ran.out


def test_two_envelopes_for_one_suite_are_refused(remit: Remit, written: Written, aim: Path) -> None:
    ran = remit("replay", "policy", "--envelope", aim, aim, "--sessions", written("s.jsonl", []))

    assert ran.code == 2
    assert "two for every suite" in ran.err


def test_an_envelope_whose_tests_fail_judges_nothing(remit: Remit, written: Written) -> None:
    tests = "  tests: [{call: {tool: look, args: {}}, expect: {result: deny}}]\n"
    ran = remit(
        "replay", "policy", "--envelope", written("e.yaml", AIM + tests), "--sessions", written("s.jsonl", [])
    )

    assert ran.code == 3
    assert "spec.tests" in ran.err


def test_a_file_that_only_claims_to_be_gzip_is_refused(remit: Remit, written: Written, aim: Path) -> None:
    broken = written("s.jsonl.gz", gzip.compress(b"x" * 1000)[:20])
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", broken)

    assert ran.code == 3
    assert f"{broken}: not whole gzip data" in ran.err


def test_an_empty_folder_says_what_it_should_hold(remit: Remit, aim: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", tmp_path / "none")

    assert ran.code == 3
    assert "no session file in this folder" in ran.err


OPENAI = {
    "id": "chat-1",
    "messages": [
        {"role": "developer", "content": "help"},
        {"role": "user", "content": [{"type": "text", "text": "write to bob"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "send", "arguments": '{"to": "bob"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "sent"},
    ],
}
ANTHROPIC = {
    "messages": [
        {"role": "user", "content": "write to bob"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "send", "input": {"to": "bob"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "sent"}]},
    ]
}


@pytest.mark.parametrize("messages", [OPENAI, ANTHROPIC], ids=["openai", "anthropic"])
@pytest.mark.parametrize("form", ["line", "pretty", "bare list"])
def test_message_lists_of_model_interfaces_are_sessions_too(
    remit: Remit, written: Written, aim: Path, messages: dict[str, Any], form: str
) -> None:
    content = {
        "line": json.dumps(messages),
        "pretty": json.dumps(messages, indent=2),
        "bare list": json.dumps(messages["messages"], indent=2),
    }[form]
    path = written("chat.json", content)
    ran = remit("replay", "policy", "--envelope", aim, "--sessions", path, "--json")

    assert ran.code == 0
    assert [(line["calls"], line["allow"]) for line in ran.lines[:-1]] == [(1, 1)]


DATA = Path(__file__).parents[3] / "shared/data"


@pytest.mark.skipif(
    not (DATA / "agentdojo_tasks").is_dir(), reason="the recorded sessions are not at ../shared/data"
)
def test_the_examples_judge_recorded_sessions_of_real_agents(
    remit: Remit, examples: Path, tmp_path: Path
) -> None:
    shutil.copy(DATA / "agentdojo_tasks/ground_truth_sessions.jsonl.gz", tmp_path)
    suites = ("banking", "slack", "travel", "workspace")
    named = [f"{suite}={examples}/agentdojo-{suite}.yaml" for suite in suites]
    ran = remit("replay", "policy", "--envelope", *named, "--sessions", tmp_path, "--json")
    summary = ran.lines[-1]["summary"]

    assert summary["sessions"] == len(ran.lines) - 1 > 500
    assert summary["skipped"] == 0
    assert set(summary["suites"]) == set(suites)
