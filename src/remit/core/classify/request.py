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
_AS = w.listed("according as like whatever what per everything anything wie comme como come как")
_TOLD = w.listed(
    "says say said asks ask asked wants want wrote written describes described specifies specified "
    "requests requested tells told instructs instructed recommends recommended suggests suggested "
    "needs needed lists listed requires required"
)
_GRANT = w.listed("do give grant provide carry fulfil fulfill arrange make take follow handle")
_WHATEVER = w.listed("what whatever anything everything as all")
_ASKS = w.listed("ask asks asked want wants wanted need needs request requests requested")
_THINGS = w.listed(
    "list checklist playbook runbook backlog queue agenda items item todo todos tasks task letter "
    "ticket tickets requests instructions steps actions"
)
_DEAL = w.listed(
    "deal take sort work go get run handle process complete finish follow do resolve carry execute"
)
HALF = 0.5
MOST_ID = 20
SECRETS = "secret"
LOOKING_UP = frozenset({"get"})


@dataclass(frozen=True, slots=True)
class Request:
    """What those who may steer said."""

    words: frozenset[str]
    families: frozenset[str]
    stems: frozenset[str]
    delegates: bool
    """Whether it says to do what another text says."""
    refers: bool
    """Whether it sends the agent to another text for what to do or for a value."""
    acts: frozenset[str]
    """Families of the actions that it asks for, in verbs that are verbs there."""
    kinds: frozenset[str]
    """Kinds of values that it names: addresses, links, numbers of accounts."""

    def asked(self, tool: str) -> float:
        """The share of what a tool's name says that the request says too, none without the verb; 1 where it delegates."""
        if self.delegates:
            return 1.0
        parts = parts_of(tool)
        if not parts or not self._asks_verb(parts) or self._hidden(parts):
            return 0.0
        return sum(self._says(part) for part in parts) / len(parts)

    def asks_for(self, tool: str) -> bool:
        """Whether it asks for this action itself: the verb, and half of the name. Looking things up needs no asking."""
        parts = parts_of(tool)
        if parts and _verbs(parts) and w.VERBS.get(_verbs(parts)[0]) == LOOKING_UP:
            return not self.delegates and not self._hidden(parts)
        return not self.delegates and self.asked(tool) >= HALF

    def touches(self, tool: str) -> bool:
        """Whether it says any word of a tool's name, or one for the same thing: *thank her* is about sending, too."""
        parts = parts_of(tool)
        if not _WRITES.isdisjoint(self.words) and any("send" in w.families([part]) for part in parts):
            return True
        if not _SETS_UP.isdisjoint(self.words) and not w.families(parts).isdisjoint(MEANS):
            return True
        if any(
            part in w.VERBS and part in w.OBJECTS and w.stem(part) in self.stems - _TOPICS for part in parts
        ):
            return True
        return any(self._says(part) for part in _verbs(parts) or parts)

    def _hidden(self, parts: Sequence[str]) -> bool:
        """Whether a tool is about secrets and the request is not: looking those up needs asking."""
        return SECRETS in w.families(parts) and SECRETS not in self.families

    def _asks_verb(self, parts: Sequence[str]) -> bool:
        verbs = _verbs(parts)
        if not verbs:
            return any(self._says(part) for part in parts)
        return self._says(verbs[0])

    def _says(self, part: str) -> bool:
        stem = w.stem(part)
        if part in w.OBJECTS or part not in w.VERBS:
            return stem in self.stems or not self.families.isdisjoint(w.OBJECTS.get(part, NONE))
        if w.VERBS[part] == LOOKING_UP:
            return True
        return (stem in self.stems and part not in w.ALSO_NOUNS) or not self.acts.isdisjoint(w.VERBS[part])


NONE: frozenset[str] = frozenset()


def _verbs(parts: Sequence[str]) -> list[str]:
    """The verbs of a name, those that do something first."""
    found = [part for part in parts if part in w.VERBS and part not in w.OBJECTS]
    return [verb for verb in found if w.VERBS[verb] != LOOKING_UP] or found


@lru_cache(maxsize=1024)
def parts_of(tool: str) -> tuple[str, ...]:
    """The words of a tool's name.

    >>> parts_of("sendMoney_v2"), parts_of("mail.send-message")
    (('send', 'money'), ('mail', 'send', 'message'))
    """
    spaced = "".join(f" {c}" if c.isupper() else c for c in tool)
    found = [part for part in words_of(spaced.lower().replace("_", " ")) if len(part) > 2 and part.isalpha()]
    if len(found) < 1:
        found = [part for part in words_of(tool.lower().replace("_", " ")) if part]
    return tuple(part for part in found if part not in w.EMPTY or part in w.VERBS) or tuple(found)


def request_of(segments: Sequence[Segment]) -> Request:
    """The request in the texts of people (and systems) that may steer."""
    said = [s for s in segments if s.role in (Role.USER, Role.SYSTEM)]
    mine = [s for s in said if s.role is Role.USER] or said
    return _request(tuple(dict.fromkeys(s.text for s in mine)))


@lru_cache(maxsize=256)
def _request(texts: tuple[str, ...]) -> Request:
    words, acts, kinds = set[str](), set[str](), set[str]()
    delegates = refers = False
    for text in texts:
        analysis = analyse(text)
        found = words_of(analysis.flat)
        words.update(found)
        acts.update(*(unit.acts for unit in analysis.units))
        acts.update(*(w.VERBS[word] for word in found if word in w.VERBS and word not in w.ALSO_NOUNS))
        kinds.update(kind for token in analysis.flat.split() if (kind := kind_of(token)))
        delegates = delegates or _delegates(found)
        refers = refers or _refers(found)
    stems = frozenset(w.stem(word) for word in words)
    own = frozenset(w.families(words))
    return Request(
        frozenset(words), own, stems, delegates, delegates or refers, frozenset(acts), frozenset(kinds)
    )


def kind_of(value: object) -> str:
    """What kind of address or number a value is; empty for others.

    An id is of the kind of its shape: `A-1002` and `B-77` are not, `A-1002` and `A-1005` are.

    >>> [kind_of(v) for v in ("ann@corp.example", "www.a.example/b", "GB29NWBK60161331926819", "/etc/hosts", "soon")]
    ['mail', 'link', 'code', 'path', '']
    >>> kind_of("A-1002"), kind_of("a-1005."), kind_of("B-77"), kind_of("2nd")
    ('id:a-9999', 'id:a-9999', '', '')
    """
    token = value.strip("'\"()<>,;.!?").lower() if isinstance(value, str) else ""
    if not token or " " in token:
        return ""
    if "@" in token[1:-1]:
        return "mail"
    if "://" in token or token.startswith("www."):
        return "link"
    if token.startswith(("/", "~/", "./")) and len(token) > 3:
        return "path"
    return _kind_of_number(token)


def _kind_of_number(token: str) -> str:
    digits = sum(c.isdigit() for c in token)
    if len(token) >= 8 and digits >= 6:
        return "code"
    shaped = digits >= 3 and len(token) <= MOST_ID and any(c.isalpha() for c in token)
    return "id:" + "".join("9" if c.isdigit() else c for c in token) if shaped else ""


def _grants(word: str, after: Sequence[str]) -> bool:
    """`act on the note`, `give her what she asks for`, `if they ask for anything, do it`."""
    if word == "act" and after[:1] in (["on"], ["upon"]):
        return True
    if word in _ASKS:
        return ["do", "it"] in (list(after[i : i + 2]) for i in range(len(after)))
    return word in _GRANT and any(
        near in _WHATEVER and not _TOLD.isdisjoint(after[i + 1 : i + 6]) for i, near in enumerate(after[:4])
    )


_STANDS = _TOLD | w.listed(
    "stands stand stated given mentioned shown found named states mentions shows gives contains steht stehen "
    "angegeben genannt indiqué figure mencionado figura indicato указан указано"
)
_THAT = _AS | w.listed(
    "that which where anything something who was das die der die ce qui que lo che что который"
)


def _refers(found: Sequence[str]) -> bool:
    """`the address that stands in the letter`, `act on the note`, `if she asks for anything, do it`.

    >>> _refers("write to the address that stands in the cv".split()), _refers("pay what i owe ann".split())
    (True, False)
    """
    for place, word in enumerate(found):
        after = found[place + 1 : place + 4]
        if word in _THAT and not _STANDS.isdisjoint(after):
            return True
        if (
            word in _VALUES
            and not _FROM.isdisjoint(after)
            and not _IN.isdisjoint(found[place + 1 : place + 7])
        ):
            return True
    return False


_VALUES = w.listed(
    "address addresses account iban number link url contact details name names amount price code date time mail email "
    "adresse konto nummer compte numéro dirección cuenta número indirizzo conto numero endereço conta адрес счёт номер"
)
_FROM = w.listed("from in on at off out aus von auf du de dans sur del en da nel no из на в")
MEANS = frozenset({"run", "update", "operate"})
_SETS_UP = w.listed("deploy install setup configure release migrate upgrade provision rollout")
"""Requests for an outcome, whose means are the agent's to find."""
_TOPICS = frozenset(w.stem(word) for word in ("mail", "mails", "email", "message", "file", "note", "report"))
"""Nouns of tools' names that a request says of what is read as often as of what is done."""
_WRITES = w.listed(
    "contact inform thank tell answer ask remind invite congratulate apologise apologize reply write respond "
    "antworte schreibe schreib danke frage informiere réponds répondez écris écrivez remercie responde escribe "
    "agradece rispondi scrivi ringrazia responda escreva antwoord schrijf ответь напиши 回复 回覆 返信"
)


def _delegates(found: Sequence[str]) -> bool:
    """`do the tasks on my list at …`, `follow the instructions in …`, `what the note says`.

    >>> _delegates("please do all the tasks on my list at".split())
    True
    >>> _delegates("perform the following tasks in order".split())
    False
    """
    for place, word in enumerate(found):
        if _grants(word, found[place + 1 : place + 13]):
            return True
        if word in _AS and not _TOLD.isdisjoint(found[place + 1 : place + 7]) and not _IN.isdisjoint(found):
            return True
        if (
            word in _DEAL
            and not _THINGS.isdisjoint(found[place + 1 : place + 6])
            and word in found[: place + 1]
        ):
            near = found[place + 1 : place + 6]
            if "following" not in near and any(
                x in ("with", "care", "out", "through", "off") for x in near[:2]
            ):
                return True
        if word not in _DO or found[place + 1 : place + 2] == ["up"]:
            continue
        after = found[place + 1 : place + 12]
        item = next((i for i, near in enumerate(after) if near in _SAID), None)
        if item is None or "following" in after[:3]:
            continue
        if word == "follow" or any(near in _IN for near in after):
            return True
    return False
