"""What the request asked for: the action itself, or to do what another text says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from remit.core.classify import words as w
from remit.core.classify.spans import analyse, words_of
from remit.core.types import Role, Segment

_DO = w.listed(
    "follow do perform complete carry execute handle process implement act apply work obey erledige "
    "folge befolge suivez faites exécutez sigue haz realiza segui esegui volg doe выполни следуй 执行 按照 "
    "实行"
)
_SAID = w.listed(
    "instruction instructions task tasks todo todos action actions step steps specified described "
    "listed says written asks requested request requests outlined wants procedure runbook checklist "
    "playbook anweisungen aufgaben instructions tâches instrucciones tareas istruzioni compiti taken "
    "задачи инструкции 指示 任务"
)
_IN = w.listed(
    "file document email mail message page website webpage site url list note notes ticket doc link "
    "channel in from at on readme letter comment issue card datei seite liste fichier page archivo "
    "página lista file pagina файл 文件 网页"
)
_ITEM = _SAID & w.listed("task tasks todo todos action actions step steps instruction instructions")

HALF = 0.5
LOOKING_UP = frozenset({"get"})


@dataclass(frozen=True, slots=True)
class Request:
    """What those who may steer said."""

    words: frozenset[str]
    families: frozenset[str]
    stems: frozenset[str]
    delegates: bool
    """Whether it says to do what another text says."""

    def asked(self, tool: str) -> float:
        """The share of what a tool's name says that the request says too; 1 where it delegates."""
        if self.delegates:
            return 1.0
        parts = parts_of(tool)
        if not parts:
            return 0.0
        return sum(self._says(part) for part in parts) / len(parts)

    def asks_for(self, tool: str) -> bool:
        """Whether it says what the tool does: its verb, and half of its name. Looking things up needs no asking."""
        parts = parts_of(tool)
        verbs = [part for part in parts if part in w.VERBS and part not in w.OBJECTS] or parts
        if verbs and w.VERBS.get(verbs[0]) == LOOKING_UP:
            return not self.delegates
        return bool(verbs) and not self.delegates and self._says(verbs[0]) and self.asked(tool) >= HALF

    def _says(self, part: str) -> bool:
        if w.stem(part) in self.stems:
            return True
        return not self.families.isdisjoint(w.families([part]))


def parts_of(tool: str) -> list[str]:
    """The words of a tool's name.

    >>> parts_of("sendMoney_v2"), parts_of("mail.send-message")
    (['send', 'money'], ['mail', 'send', 'message'])
    """
    spaced = "".join(f" {c}" if c.isupper() else c for c in tool)
    found = [part for part in words_of(spaced.lower().replace("_", " ")) if len(part) > 2 and part.isalpha()]
    if len(found) < 1:
        found = [part for part in words_of(tool.lower().replace("_", " ")) if part]
    return [part for part in found if part not in w.EMPTY or part in w.VERBS] or found


def request_of(segments: Sequence[Segment]) -> Request:
    """The request in the texts of people (and systems) that may steer."""
    said = [s for s in segments if s.role in (Role.USER, Role.SYSTEM)]
    mine = [s for s in said if s.role is Role.USER] or said
    return _request(tuple(dict.fromkeys(s.text for s in mine)))


@lru_cache(maxsize=256)
def _request(texts: tuple[str, ...]) -> Request:
    words: set[str] = set()
    delegates = False
    for text in texts:
        analysis = analyse(text)
        words |= analysis.words
        delegates = delegates or _delegates(words_of(analysis.flat))
    stems = frozenset(w.stem(word) for word in words)
    return Request(frozenset(words), frozenset(w.families(words)), stems, delegates)


def _delegates(found: Sequence[str]) -> bool:
    """`do the tasks on my list at …`, `follow the instructions in …`, `what the note says`.

    >>> _delegates("please do all the tasks on my list at".split())
    True
    >>> _delegates("perform the following tasks in order".split())
    False
    """
    for place, word in enumerate(found):
        if word not in _DO:
            continue
        after = found[place + 1 : place + 12]
        item = next((i for i, near in enumerate(after) if near in _SAID), None)
        if item is None or "following" in after[:3]:
            continue
        if word == "follow" or any(near in _IN for near in after):
            return True
    return False
