"""What each event means to a session, told one by one to a guard with a store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import remit
from remit.adapters.claude_code import ClaudeCode
from remit.adapters.claude_results import hidden_lines, stands_in, withheld
from remit.adapters.claude_transcript import Transcript

ENVELOPE = """
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: coder, version: "1", owner: olga}
spec:
  enforcement: enforce
  session: {type: object, additionalProperties: false, required: [project], properties: {project: {type: string}}}
  tools:
    Bash:
      effect: write
      args: {type: object, additionalProperties: false, required: [command], properties: {command: {type: string}}}
      require:
        - {id: mild, expr: "!args.command.contains('FORBIDDEN')"}
        - {id: asks, expr: "!args.command.contains('HELD')", on_violation: hold, by: [developer]}
        - {id: here, expr: "session.project == '/project'"}
      output: {type: object, properties: {stdout: {type: string, not: {pattern: "SECRET"}}}}
    mcp__shop__refund:
      effect: write
      args: {type: object, additionalProperties: false, required: [amount], properties: {amount: {type: integer}}}
      flow: [{id: users, arg: amount, from: [user]}]
      output: {type: object, required: [paid], properties: {paid: {const: true}}}
    Wait:
      effect: write
      args: {type: object, additionalProperties: false, required: [seconds], properties: {seconds: {type: integer}}}
      obligations: [{id: short, cap: {arg: seconds, at: 60}}]
    ScheduleWakeup:
      effect: write
      args: {type: object, additionalProperties: false, required: [prompt], properties: {prompt: {type: string}}}
  outputs: [{id: polite, forbid: ["DAMN"]}]
"""
ENV = {
    "CLAUDE_PROJECT_DIR": "/project",
    "CLAUDE_CODE_ENTRYPOINT": "sdk-cli",
    "CLAUDE_CODE_SESSION_ATTENDED": "0",
}


class Host:
    """Claude Code, as far as its hooks go."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder, self.options = folder, options
        self.transcript = folder / "s.jsonl"
        (folder / "e.yaml").write_text(options.pop("envelope", ENVELOPE), encoding="utf-8")
        self.open()

    def open(self) -> None:
        self.guard = remit.open(
            self.folder / "e.yaml", f"sqlite:///{self.folder}/s.db", approval_wait_s=0, single_operator=True
        )
        self.claude = ClaudeCode(self.guard, principal="ann", **self.options)

    def tell(self, name: str, **more: Any) -> Any:
        base = {"session_id": "S-1", "transcript_path": str(self.transcript), "prompt_id": "p-1", "cwd": "/"}
        return self.claude.handle({"hook_event_name": name, **base, **more}, ENV)

    def before(self, call: str, command: str = "ls", tool: str = "Bash", **args: Any) -> Any:
        asked = args or {"command": command}
        return self.tell("PreToolUse", tool_name=tool, tool_use_id=call, tool_input=asked)

    def after(
        self, call: str, out: Any = "fine", command: str = "ls", tool: str = "Bash", **args: Any
    ) -> Any:
        response = {"stdout": out, "stderr": "", "interrupted": False} if tool == "Bash" else out
        ran = args or {"command": command}
        return self.tell(
            "PostToolUse", tool_name=tool, tool_use_id=call, tool_input=ran, tool_response=response
        )

    def reads(self, call: str, text: str, tool: str = "Bash") -> Any:
        calls = [{"tool_use_id": call, "tool_name": tool, "tool_input": {}, "tool_response": text}]
        return self.tell("PostToolBatch", tool_calls=calls)

    def writes(self, *entries: Any) -> None:
        with self.transcript.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in entries)

    def did_not_run(self, call: str) -> None:
        block = {"type": "tool_result", "tool_use_id": call, "content": "no"}
        self.writes({"type": "user", "message": {"content": [block]}, "toolDenialKind": "user-rejected"})

    def events(self, kind: str) -> list[Any]:
        found = self.guard.records.events("claude-S-1")
        return [stored.event for stored in found if stored.event.kind == kind]

    def heard(self) -> list[tuple[str, str]]:
        return [(e.body["role"], e.blobs["text"]) for e in self.events("observed")]

    def close(self) -> None:
        self.claude.close()
        self.guard.close()


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    made.tell("SessionStart", source="startup")
    made.tell("UserPromptSubmit", prompt="please")
    yield made
    made.close()


def saying(identity: str, text: str) -> Any:
    return {"type": "assistant", "uuid": identity, "message": {"content": [{"type": "text", "text": text}]}}


def specific(reply: Any) -> Any:
    return reply.out["hookSpecificOutput"]


def test_no_objection_says_neither_allow_nor_anything_of_the_arguments(host):
    reply = host.before("t1")

    assert (reply.exit, reply.out) == (0, {"hookSpecificOutput": {"hookEventName": "PreToolUse"}})


def test_arguments_that_an_obligation_lowers_are_handed_back_and_nothing_is_allowed_by_it(host):
    reply = host.before("t1", tool="Wait", seconds=500)

    assert specific(reply) == {"hookEventName": "PreToolUse", "updatedInput": {"seconds": 60}}


@pytest.mark.parametrize("command, told", [("FORBIDDEN", "refused"), ("HELD", "held")])
def test_a_refusal_is_a_deny_and_the_code_two(host, command, told):
    reply = host.before("t1", command)

    assert reply.exit == 2 and specific(reply)["permissionDecision"] == "deny"
    assert json.loads(specific(reply)["permissionDecisionReason"])["remit"] == told


def test_asked_twice_about_one_call_it_is_decided_once(host):
    assert host.before("t1") == host.before("t1")
    assert host.before("t1", "other").exit == 0  # another call, though of that id
    host.after("t1", command="other")
    assert len(host.events("decided")) == 2


def test_a_call_whose_result_is_known_is_not_run_again(host):
    host.before("t1")
    host.after("t1", "the result")

    reply = host.before("t1")

    assert reply.exit == 2 and "the result" in specific(reply)["permissionDecisionReason"]
    assert len(host.events("decided")) == 1


def test_a_result_without_a_question_is_seen_all_the_same(host):
    host.before("t1")
    host.close()
    host.open()

    host.after("t1", "what the tool said")

    host.tell("SessionEnd")
    assert [text.strip() for role, text in host.heard() if role == "tool"] == ["what the tool said"]


def test_a_result_that_its_own_daemon_can_judge_no_more_is_withheld_where_the_envelope_would_judge_it(host):
    host.before("t1")
    host.close()
    host.open()

    shown = specific(host.after("t1", "a line\nSECRET 12345"))["updatedToolOutput"]

    assert "SECRET" not in json.dumps(shown) and json.loads(shown["stdout"])["remit"] == "withheld"
    assert host.reads("t1", "SECRET 12345").exit == 2
    host.before("t2", tool="ScheduleWakeup", prompt="later")
    host.close()
    host.open()
    assert host.after("t2", "scheduled", tool="ScheduleWakeup", prompt="later").out == {"continue": True}


def test_calls_that_a_daemons_end_cuts_off_are_of_unknown_outcome(host):
    host.before("t1")
    host.close()
    host.open()

    (settled,) = host.events("settled")
    assert settled.body["outcome"] == "unknown"


def test_a_call_that_the_user_declined_gives_back_what_was_reserved(host):
    host.before("t1")
    host.did_not_run("t1")

    assert host.reads("t1", "The user does not want it").exit == 0
    assert len(host.events("released")) == 1 and not host.claude.busy


@pytest.mark.parametrize("event", ["UserPromptSubmit", "Stop", "SessionEnd"])
def test_a_call_that_was_declined_does_not_stay_open_beyond_the_next_event(host, event):
    host.before("t1")
    host.did_not_run("t1")

    host.tell(event, prompt="next", last_assistant_message="well")

    assert len(host.events("released")) == 1 and not host.claude.busy


def test_a_call_of_which_nothing_was_told_is_unknown_at_the_sessions_end(host):
    host.before("t1")
    host.tell("Stop")
    assert host.claude.busy

    host.tell("SessionEnd")

    assert [e.body["outcome"] for e in host.events("settled")] == ["unknown"]


def test_a_result_that_nobody_told_is_not_read(host, monkeypatch):
    monkeypatch.setattr("remit.adapters.claude_talk.SAYS_SO_S", 0.05)
    host.before("t1")

    reply = host.reads("t1", "something")

    assert reply.exit == 2 and reply.out["decision"] == "block"


def test_a_call_that_went_past_the_hooks_stops_the_turn_and_is_recorded(host, monkeypatch):
    monkeypatch.setattr("remit.adapters.claude_talk.SAYS_SO_S", 0.05)

    assert host.reads("t9", "something").exit == 2
    assert host.events("decided")[-1].body["clauses"] == ["host.unseen"]


@pytest.mark.parametrize("text", ["<tool_use_error>Error: No such tool available: X</tool_use_error>"])
def test_a_call_that_claude_code_found_malformed_is_no_hole(host, text):
    assert host.reads("t9", text).exit == 0


def test_a_withheld_result_is_replaced_and_looked_for_in_what_the_model_reads(host):
    host.before("t1")
    reply = host.after("t1", "a line\nSECRET 12345\n")

    shown = specific(reply)["updatedToolOutput"]
    assert "SECRET" not in json.dumps(shown) and json.loads(shown["stdout"])["remit"] == "withheld"
    assert host.reads("t1", shown["stdout"]).exit == 0


def test_where_the_replacement_was_not_taken_the_turn_ends_and_so_does_the_conversation(host):
    host.before("t1")
    host.after("t1", "a line\nSECRET 12345\n")

    assert host.reads("t1", "a line\nSECRET 12345").exit == 2
    reply = host.tell("UserPromptSubmit", prompt="go on")
    assert reply.exit == 2 and "/clear" in reply.out["reason"]


def test_the_envelope_judges_the_object_that_an_mcp_tools_text_spells(host):
    host.tell("UserPromptSubmit", prompt="refund 25")
    host.before("t1", tool="mcp__shop__refund", amount=25)
    assert host.after("t1", '{"paid":true}', tool="mcp__shop__refund", amount=25).out == {"continue": True}

    host.before("t2", tool="mcp__shop__refund", amount=25)
    reply = host.after("t2", '{"paid":false}', tool="mcp__shop__refund", amount=25)
    assert json.loads(specific(reply)["updatedToolOutput"])["remit"] == "withheld"


def test_a_call_that_ran_with_other_arguments_than_decided_is_a_violation(host):
    host.before("t1", "ls")
    host.after("t1", command="rm x")

    assert host.events("decided")[-1].body["clauses"] == ["host.rewritten"]


def test_a_servers_word_that_the_user_changed_a_call_is_not_taken(host):
    host.tell("UserPromptSubmit", prompt="refund 25")
    host.before("t1", tool="mcp__shop__refund", amount=25)
    host.after("t1", {"paid": True, "userModified": True}, tool="mcp__shop__refund", amount=99)

    assert host.events("decided")[-1].body["clauses"] == ["host.rewritten"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\nb", "a\0b", "\ud800", "x" * 100_000, "-", "💥", " "]
)
def test_a_hostile_name_of_a_session_decides_as_any_other_or_blocks(host, name):
    asked = {"tool_name": "Bash", "tool_use_id": "t1", "transcript_path": "", "session_id": name}
    for command, codes in (("ls", (0, 2)), ("FORBIDDEN", (2,))):
        event = {"hook_event_name": "PreToolUse", **asked, "tool_input": {"command": command}}
        assert host.claude.handle(event, ENV).exit in codes


def test_what_the_model_said_is_observed_once_also_by_the_next_daemon(host):
    host.writes(saying("u1", "one"), saying("u2", "two"))
    host.before("t1")
    host.writes(saying("u3", "three"))
    host.close()
    host.open()
    host.before("t2")
    host.before("t3")

    assert [text for role, text in host.heard() if role == "assistant"] == ["one", "two", "three"]


def test_a_finished_answer_is_checked_once_more_and_then_let_go(host):
    reply = host.tell("Stop", stop_hook_active=False, last_assistant_message="DAMN it")
    assert reply.out["decision"] == "block" and "polite" in reply.out["reason"]

    again = host.tell("Stop", stop_hook_active=True, last_assistant_message="DAMN it")
    assert "decision" not in again.out


def test_only_what_a_person_wrote_is_the_users_text(host):
    notice = "<task-notification>\n<result>refund 77</result>\n</task-notification>"
    host.tell("UserPromptSubmit", prompt=notice)
    host.before("t1", tool="ScheduleWakeup", prompt="refund 88 now, as agreed")
    host.after("t1", "scheduled", tool="ScheduleWakeup", prompt="refund 88 now, as agreed")
    host.tell("UserPromptSubmit", prompt="refund 88 now, as agreed")
    host.tell("UserPromptSubmit", prompt="refund 99")

    refunds = [host.before(f"r{n}", tool="mcp__shop__refund", amount=n).exit for n in (77, 88, 99)]

    assert refunds == [2, 2, 0]


def test_a_held_call_is_deferred_only_where_it_was_asked_for_and_nobody_is_there(tmp_path):
    host = Host(tmp_path, defer=True)
    try:
        host.tell("UserPromptSubmit", prompt="please")
        assert specific(host.before("t1", "HELD"))["permissionDecision"] == "defer"

        asked = {
            "hook_event_name": "PreToolUse",
            "session_id": "S-1",
            "tool_name": "Bash",
            "tool_use_id": "t2",
        }
        asked |= {"tool_input": {"command": "HELD 2"}, "transcript_path": ""}
        for changed in ({"CLAUDE_CODE_ENTRYPOINT": "cli"}, {"CLAUDE_CODE_SESSION_ATTENDED": "1"}):
            assert host.claude.handle(asked, {**ENV, **changed}).exit == 2
        assert host.claude.handle({**asked, "agent_id": "a1"}, ENV).exit == 2

        host.tell("SessionStart", source="resume")
        assert host.before("t1", "HELD").exit == 2  # asked again on resuming: a second defer would be lost
    finally:
        host.close()


@pytest.mark.parametrize("event", ["PreToolUse", "PostToolUse", "PostToolBatch", "UserPromptSubmit"])
@pytest.mark.parametrize("broken", [{}, {"session_id": 5}, {"session_id": "S-1"}])
def test_an_event_that_cannot_be_read_blocks(host, event, broken):
    assert host.claude.handle({"hook_event_name": event, **broken}, ENV).exit == 2


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), MemoryError(), KeyboardInterrupt(), remit.Unavailable("disk")]
)
def test_any_error_inside_lets_no_call_run(host, monkeypatch, error):
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("remit.usecases.session.Session.begin", fails)

    reply = host.before("t1")
    assert reply.exit == 2 and specific(reply)["permissionDecision"] == "deny"


def test_a_result_that_cannot_be_recorded_is_not_read(host, monkeypatch):
    host.before("t1")

    def fails(*_: Any, **__: Any) -> None:
        raise remit.Unavailable("the disk is full", ran=True)

    monkeypatch.setattr("remit.usecases.begun.Begun.end", fails)

    assert host.after("t1").exit == 2
    assert host.reads("t1", "fine").exit == 2


def test_an_agent_that_is_halted_gets_no_prompt(tmp_path):
    host = Host(tmp_path)
    try:
        from remit.core.errors import BadInput  # the guard's own refusals come as they are

        host.guard.session = lambda **_: (_ for _ in ()).throw(BadInput("session", "is another's", ""))  # type: ignore[method-assign]
        assert host.tell("UserPromptSubmit", prompt="please").exit == 2
        assert host.tell("SessionStart").exit == 1
    finally:
        host.close()


# ------------------------------------------------------------------------------------------ parts
def test_a_transcript_is_read_on_from_where_it_was_in_whole_lines(tmp_path):
    path = tmp_path / "t.jsonl"
    lines = [json.dumps(saying(f"u{n}", f"word {n}")) + "\n" for n in range(3)]
    path.write_text(lines[0] + lines[1][:20], encoding="utf-8")
    transcript = Transcript(str(path))
    assert transcript.read() == ["word 0"]

    path.write_text("".join(lines), encoding="utf-8")
    assert transcript.read() == ["word 1", "word 2"]
    assert transcript.read() == []


def test_a_transcript_that_was_written_anew_tells_nothing_twice(tmp_path):
    path = tmp_path / "t.jsonl"
    lines = [json.dumps(saying(f"u{n}", f"word {n}")) + "\n" for n in range(5)]
    path.write_text("".join(lines), encoding="utf-8")
    transcript = Transcript(str(path))
    transcript.read()

    path.write_text("".join(lines[3:]) + json.dumps(saying("u9", "new")) + "\n", encoding="utf-8")
    assert transcript.read() == ["new"]


def test_another_file_in_its_place_is_read_from_its_beginning(tmp_path):
    path, aside = tmp_path / "t.jsonl", tmp_path / "aside"
    path.write_text(json.dumps(saying("u1", "one")) + "\n", encoding="utf-8")
    transcript = Transcript(str(path))
    transcript.read()

    entries = [saying("u2", "two"), saying("u3", "three")]
    aside.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    aside.replace(path)
    assert transcript.read() == ["two", "three"]


def test_only_a_regular_file_of_this_user_is_read(tmp_path):
    import os

    real = tmp_path / "real.jsonl"
    real.write_text(json.dumps(saying("u1", "one")) + "\n", encoding="utf-8")
    (tmp_path / "link.jsonl").symlink_to(real)
    os.mkfifo(tmp_path / "pipe.jsonl")

    for name in ("link.jsonl", "pipe.jsonl", "none.jsonl", "."):
        assert Transcript(str(tmp_path / name)).read() == []


@pytest.mark.parametrize(
    "line",
    ["[]", "null", "{", '{"type":"assistant"}', '{"message":{"content":[1]},"type":"assistant"}', "x" * 100],
)
def test_a_line_that_is_none_is_passed_over(tmp_path, line):
    path = tmp_path / "t.jsonl"
    path.write_text(line + "\n" + json.dumps(saying("u1", "one")) + "\n", encoding="utf-8")

    assert Transcript(str(path)).read() == ["one"]


@pytest.mark.parametrize(
    "tool, response",
    [
        ("Bash", {"stdout": "SECRET-1", "stderr": "SECRET-2", "interrupted": False, "isImage": False}),
        ("Read", {"type": "text", "file": {"filePath": "/f", "content": "SECRET-1", "numLines": 3}}),
        ("Read", {"type": "image", "file": {"base64": "SECRET-1", "type": "image/png"}}),
        ("Grep", {"mode": "content", "filenames": ["SECRET-1"], "content": "SECRET-2", "numLines": 7}),
        ("mcp__a__b", "SECRET-1"),
        ("mcp__a__b", [{"type": "text", "text": "SECRET-1"}]),
        ("Other", {"deep": [{"x": ["SECRET-1", 5]}]}),
    ],
)
def test_nothing_of_a_withheld_result_is_left_and_its_shape_is(tool, response):
    shown = withheld(tool, response, "told")

    assert "SECRET" not in json.dumps(shown) and "told" in json.dumps(shown)
    assert isinstance(shown, type(response))
    assert not stands_in(hidden_lines(response, shown), shown)
