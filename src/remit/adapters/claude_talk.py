"""One conversation of Claude Code as the daemon knows it: its session, what is in flight, and whose words are whose."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from remit.adapters.claude_transcript import Transcript, subagent_path
from remit.core.errors import OutcomeUnknown, Unavailable
from remit.core.types import Role
from remit.usecases.begun import Begun
from remit.usecases.session import Session

SAYS_SO_S = 2.0
"""How long is waited for the transcript to say that a call did not run."""
_log = logging.getLogger("remit.claude")
_HOSTS = re.compile(r"\s*<[a-z][a-z0-9-]*[\s>]")
"""How prompts begin that Claude Code writes by itself: notifications of tasks, messages of other agents."""
_PROMPTS = frozenset({"prompt", "message", "content", "text"})
_CARRIED = 20
"""Characters of what a call carried that make a longer prompt the agent's."""
_FILES = frozenset({"Bash", "Edit", "Write", "Read", "Glob", "Grep", "NotebookEdit"})


@dataclass
class Open:
    """A call that was admitted, and of which nothing more was told yet."""

    begun: Begun
    tool: str
    asked: Mapping[str, Any]
    """The arguments as the model wrote them."""
    decided: Mapping[str, Any]
    """The arguments that were decided: what must run."""


@dataclass
class Talk:
    """One session of Claude Code, as far as this process knows it."""

    session: Session
    lock: threading.RLock = field(default_factory=threading.RLock)
    transcripts: dict[str, Transcript] = field(default_factory=dict)
    known: Counter[str] = field(default_factory=Counter)
    """What the model said, as far as the session has it from before."""
    carried: set[str] = field(default_factory=set)
    """Texts that the agent gave to tools which can make prompts of them."""
    open: dict[str, Open] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    hidden: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """By call, the lines that the model may not read; None where no result was judged."""
    prompts: set[str] = field(default_factory=set)
    asked_now: bool = False
    """Whether a prompt came since the session was started or resumed."""
    spoilt: str = ""
    """Why the conversation may not go on: a withheld result stands in it."""

    def hear(self, path: str) -> None:
        """Observe what the model said in a transcript since the last time."""
        for text in self.transcripts.setdefault(path, Transcript(path)).read():
            if self.known[text] > 0:
                self.known[text] -= 1
            else:
                self.session.observe("assistant", text)

    def listen(self, event: Mapping[str, Any]) -> None:
        """Observe what the model said since the last event."""
        path, agent = str(event.get("transcript_path", "")), str(event.get("agent_id", ""))
        paths = [path, subagent_path(path, str(event.get("session_id", "")), agent)]
        with self.lock:
            for one in paths:
                if one:
                    self.hear(one)

    def did_not_run(self, event: Mapping[str, Any], name: str) -> bool:
        """Whether Claude Code says so of a call, as soon as its transcript says anything."""
        ends = time.monotonic() + SAYS_SO_S
        while not any(name in one.ended for one in self.transcripts.values()) and time.monotonic() < ends:
            time.sleep(0.02)
            self.listen(event)
        return any(one.ended.get(name) for one in self.transcripts.values())

    def settle(self, only: str = "", last: str = "") -> None:
        """End what is open and has ended without a word.

        Args:
            only: this call; empty for all.
            last: why nothing more will be heard of them; empty where only those end of which the transcript says so.
        """
        with self.lock:
            said = {name: denied for one in self.transcripts.values() for name, denied in one.ended.items()}
            left = [name for name in self.open if (not only or name == only) and (last or name in said)]
            calls = [(name, self.open.pop(name)) for name in left]
        for name, known in calls:
            try:
                if said.get(name):
                    known.begun.abandon("Claude Code did not run it")
                else:
                    known.begun.fail(OutcomeUnknown(last or "Claude Code told no result"))
            except Unavailable:
                _log.exception("call %s could not be settled; its lease ends by itself", name)


def remember(talk: Talk) -> None:
    """What a resumed session knows already."""
    for segment in talk.session.text.segments:
        if segment.role is Role.ASSISTANT:
            talk.known[segment.text] += 1
    for stored in talk.session.guard.records.events(talk.session.id):
        if stored.event.kind == "decided" and not stored.erased:
            talk.carried |= carries(str(stored.event.body.get("tool")), stored.event.body.get("args"))


def carries(tool: str, args: Any) -> set[str]:
    """Texts of a call that may come back as prompts: of a scheduled task, a message, another agent."""
    if tool in _FILES or not isinstance(args, Mapping):
        return set()
    return {v.strip() for k, v in args.items() if k in _PROMPTS and isinstance(v, str) and v.strip()}


def was_carried(talk: Talk, prompt: str) -> bool:
    """Whether a prompt repeats what the agent gave to such a tool: then the agent wrote it, whoever brings it."""
    text = prompt.strip()
    return any(text == one or (len(one) >= _CARRIED and one in text) for one in talk.carried)


def is_the_hosts(prompt: str) -> bool:
    """Whether Claude Code wrote it: the text in it is an agent's or a program's, never the user's.

    >>> is_the_hosts("<task-notification>\\n<task-id>1</task-id>"), is_the_hosts("is 1 < 2?")
    (True, False)
    """
    return _HOSTS.match(prompt) is not None
