"""What a hook event of Claude Code means to a session: calls begin and end, texts are observed, answers finish.

Claude Code asks before a tool runs (`PreToolUse`), tells what came back (`PostToolUse`, `PostToolUseFailure`), and asks
once more before the model reads it (`PostToolBatch`). What it was measured to do with each answer is in
`docs/claude-code.md`; the rules that follow from it:

- no objection is an answer without a `permissionDecision`: Claude Code's own permissions then decide. remit never says
  `allow`, which would skip them, nor `ask`, which would let the host answer for a person;
- a refusal is a deny document *and* the exit code 2: either is enough;
- a result is withheld by replacing it, and `PostToolBatch` stops the turn where the replacement was not taken, where
  the result was never judged, or where a call went past this guard.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from remit.adapters.claude_gate import compare, judged, orphaned, problem
from remit.adapters.claude_reply import GO_ON, HookReply, again, no_objection, refused
from remit.adapters.claude_results import text_of
from remit.adapters.claude_talk import Open, Talk, carries, is_the_hosts, remember, was_carried
from remit.core.errors import BadInput, RemitError, ToolFailed
from remit.core.reader_tool import RESERVED
from remit.core.refusals import AnswerRefused, ApprovalRequired
from remit.core.told import told_text
from remit.usecases.attached import Attached
from remit.usecases.guard import Guard

MOST_SESSIONS = 256
_log = logging.getLogger("remit.claude")


class ClaudeCode:
    """Answers the hook events of any number of Claude Code sessions. May be asked from several threads.

    Args:
        guard: what judges their calls.
        principal: whose sessions these are.
        principal_kind: `operator` where whoever writes the prompts may decide anything, `customer` where not.
        facts: what the envelope's `session` schema declares, beside `project`, which the hook brings.
        defer: let a held call end a run of `claude -p`, to be resumed once a person has answered. Only print mode knows
            it: in an interactive session a deferred call would go on.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        principal: str | None = None,
        principal_kind: str = "operator",
        facts: Mapping[str, Any] | None = None,
        defer: bool = False,
    ) -> None:
        self.guard = guard
        self._attached = Attached(guard, prefix="claude-")
        self._who = (principal, principal_kind)
        self._facts = dict(facts or {})
        self._defer = defer
        self._lock = threading.Lock()
        self._talks: dict[str, Talk] = {}
        self._means: dict[str, Callable[[Talk, Mapping[str, Any]], HookReply]] = {
            "SessionStart": self._started,
            "UserPromptSubmit": self._prompted,
            "PostToolUse": self._after,
            "PostToolUseFailure": self._failed,
            "PostToolBatch": self._read_next,
            "SubagentStop": self._listened,
            "Stop": self._stopped,
            "SessionEnd": self._ended,
        }

    @property
    def busy(self) -> bool:
        """Whether a call has begun and not ended."""
        with self._lock:
            return any(talk.open for talk in self._talks.values())

    def handle(self, event: Mapping[str, Any], env: Mapping[str, str]) -> HookReply:
        """Answer one event; never raises.

        Args:
            event: as Claude Code wrote it.
            env: variables of the hook's environment.
        """
        name = str(event.get("hook_event_name"))
        try:
            if name == "PreToolUse":
                return self._before(self._talk(event, env), event, env)
            meant = self._means.get(name)
            return GO_ON if meant is None else meant(self._talk(event, env), event)
        except BaseException as error:  # noqa: BLE001 - told, and nothing goes on
            if not isinstance(error, RemitError):
                _log.exception("the event %s could not be handled", name)
            return refused(name, told_text(error))

    def close(self) -> None:
        """End every session; of calls still open nobody knows how they ended."""
        with self._lock:
            talks, self._talks = list(self._talks.values()), {}
        for talk in talks:
            talk.settle(last="the guard ended while the call was in flight")
        self._attached.close()

    # ------------------------------------------------------------------------------------------ sessions
    def _talk(self, event: Mapping[str, Any], env: Mapping[str, str]) -> Talk:
        key = _string(event, "session_id")
        session = self._attached.session(
            key,
            principal=self._who[0],
            principal_kind=self._who[1],
            facts=self._facts_of(env),
            fingerprint={
                "runtime": {"host": "claude-code", "entrypoint": env.get("CLAUDE_CODE_ENTRYPOINT", "")}
            },
        )
        with self._lock:
            talk = self._talks.get(key)
            if talk is None or talk.session is not session:
                talk = self._talks[key] = Talk(session)
                remember(talk)
                self._forget()
        return talk

    def _forget(self) -> None:
        """Sessions that ended without a word, once there are many."""
        idle = [key for key, talk in self._talks.items() if not talk.open]
        for key in idle[: max(0, len(self._talks) - MOST_SESSIONS)]:
            del self._talks[key]

    def _facts_of(self, env: Mapping[str, str]) -> dict[str, Any] | None:
        schema = self.guard.envelope.session_schema
        if schema is None:
            return None
        told = {"project": env.get("CLAUDE_PROJECT_DIR", ""), **self._facts}
        declared = schema.get("properties", {})
        return {name: value for name, value in told.items() if name in declared}

    def _listened(self, talk: Talk, event: Mapping[str, Any]) -> HookReply:
        talk.listen(event)
        return GO_ON

    def _started(self, talk: Talk, event: Mapping[str, Any]) -> HookReply:
        talk.asked_now = False
        talk.listen(event)
        return GO_ON

    def _prompted(self, talk: Talk, event: Mapping[str, Any]) -> HookReply:
        talk.listen(event)
        if talk.spoilt:
            return refused("UserPromptSubmit", talk.spoilt)
        talk.settle()
        prompt = _string(event, "prompt")
        talk.asked_now = True
        talk.prompts.add(str(event.get("prompt_id")))
        if is_the_hosts(prompt) or was_carried(talk, prompt):
            talk.session.observe("tool", prompt, source="claude-code")
        else:
            talk.session.observe("user", prompt)
        return GO_ON

    # ------------------------------------------------------------------------------------------ calls
    def _before(self, talk: Talk, event: Mapping[str, Any], env: Mapping[str, str]) -> HookReply:
        tool, call, asked = (
            _string(event, "tool_name"),
            _string(event, "tool_use_id"),
            event.get("tool_input"),
        )
        if not isinstance(asked, dict):
            raise BadInput("tool_input", f"found {type(asked).__name__}", "update Claude Code or remit")
        talk.listen(event)
        with talk.lock:
            talk.seen.add(call)
            known = talk.open.get(call)
        if known is not None and known.tool == tool and known.asked == asked:
            return no_objection(known)
        try:
            begun = talk.session.begin(tool, asked, call_id=call, once=True)
        except ApprovalRequired as held:
            return self._held(talk, event, env, held)
        if begun.again:
            return refused("PreToolUse", again(begun.value))
        decision = begun.decision
        readable = decision is not None and decision.canonical is not None
        opened = Open(begun, tool, asked, begun.arguments if readable else asked)
        with talk.lock:
            talk.open[call] = opened
            talk.carried |= carries(tool, asked)
        return no_objection(opened)

    def _held(
        self, talk: Talk, event: Mapping[str, Any], env: Mapping[str, str], held: ApprovalRequired
    ) -> HookReply:
        text = told_text(held)
        # The first is inherited by a session that is started inside of another; Claude Code always sets the second.
        printing = env.get("CLAUDE_CODE_ENTRYPOINT", "").startswith("sdk-")
        alone = printing and env.get("CLAUDE_CODE_SESSION_ATTENDED") == "0"
        # Asked again on resuming, a deferred call would get no result at all; and a subagent cannot be resumed.
        if not self._defer or not alone or not talk.asked_now or event.get("agent_id"):
            return refused("PreToolUse", text)
        said = {
            "hookEventName": "PreToolUse",
            "permissionDecision": "defer",
            "permissionDecisionReason": text,
        }
        return HookReply(0, {"hookSpecificOutput": said})

    def _after(self, talk: Talk, event: Mapping[str, Any]) -> HookReply:
        talk.listen(event)
        tool, call, response = (
            _string(event, "tool_name"),
            _string(event, "tool_use_id"),
            event.get("tool_response"),
        )
        with talk.lock:
            talk.seen.add(call)
            known = talk.open.pop(call, None)
        if (
            known is None
        ):  # it was begun in another process, which ended: what it brought is seen all the same
            talk.session.observe("tool", text_of(response), source=_source(tool))
            return GO_ON if self.guard.monitoring else orphaned(self.guard, talk, call, tool, response)
        try:
            return judged(talk, known, call, response)
        except BaseException:
            talk.hidden[call] = None
            raise
        finally:
            if not _users(tool, response):
                compare(talk, known, call, event.get("tool_input"))

    def _failed(self, talk: Talk, event: Mapping[str, Any]) -> HookReply:
        talk.listen(event)
        tool, call, told = (
            _string(event, "tool_name"),
            _string(event, "tool_use_id"),
            str(event.get("error", "")),
        )
        with talk.lock:
            talk.seen.add(call)
            known = talk.open.pop(call, None)
        if known is not None:
            known.begun.fail(ToolFailed(told[:2000]))
        talk.session.observe("tool", told, source=_source(tool))
        return GO_ON

    def _read_next(self, talk: Talk, event: Mapping[str, Any]) -> HookReply:
        """The gate in front of the model's next turn: what it reads was judged, and is what it may read."""
        talk.listen(event)
        calls = event.get("tool_calls")
        if not isinstance(calls, list):
            raise BadInput("tool_calls", "found no list", "update Claude Code or remit")
        problems = [told for call in calls if (told := problem(talk, event, call))]
        if not problems or self.guard.monitoring:
            return GO_ON
        return refused("PostToolBatch", problems[0])

    # ------------------------------------------------------------------------------------------ ends
    def _stopped(self, talk: Talk, event: Mapping[str, Any]) -> HookReply:
        answer = event.get("last_assistant_message")
        if isinstance(answer, str):
            with talk.lock:
                talk.known[answer] += 1  # the transcript has it, or will: it is recorded once, as the answer
        talk.listen(event)
        talk.settle()
        if not isinstance(answer, str):
            return GO_ON
        try:
            talk.session.finish(answer)
        except AnswerRefused as error:
            text = told_text(error)
            if event.get("stop_hook_active"):  # once is enough: a model that cannot do better would never end
                return HookReply(0, {"systemMessage": text})
            return HookReply(0, {"decision": "block", "reason": text})
        return GO_ON

    def _ended(self, talk: Talk, event: Mapping[str, Any]) -> HookReply:
        talk.listen(event)
        talk.settle(last="the session ended while the call was in flight")
        with self._lock:
            self._talks.pop(str(event.get("session_id")), None)
        self._attached.forget(str(event.get("session_id")))
        return GO_ON


def _users(tool: str, response: Any) -> bool:
    """Whether the user changed the call in the permission prompt: only Claude Code's own tools say so in earnest."""
    own = isinstance(response, dict) and not tool.startswith("mcp__")
    return own and response.get("userModified") is True


def _source(tool: str) -> str:
    return f"?{tool}" if tool in RESERVED else tool


def _string(event: Mapping[str, Any], key: str) -> str:
    value = event.get(key)
    if not isinstance(value, str) or not value:
        raise BadInput(key, f"found {type(value).__name__}", "update Claude Code or remit")
    return value
