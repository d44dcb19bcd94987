"""Does a customer's own text press the agent: false authority, broken rules, posing as the system, others' data?

Only where the user's text is no trusted one. An honest customer asks, argues and complains; none of that counts
here. What counts is talk *about* the agent's rules and role, and claims to stand above them. Two kinds together
are telling.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from remit.core.classify import words as w
from remit.core.classify.spans import analyse, words_of
from remit.core.types import Segment

# ruff: noqa: RUF001 - words of other scripts look like Latin ones

WEIGHTS = {
    "override": 0.65,
    "posing": 0.7,
    "machine": 0.35,
    "role": 0.6,
    "authority": 0.65,
    "rules": 0.45,
    "others": 0.65,
    "secrecy": 0.45,
    "threat": 0.3,
    "urgency": 0.12,
    "hidden": 0.4,
}
"""How much each kind of pressure tells by itself."""

_RANK = w.listed(
    "admin administrator supervisor manager director ceo cto cfo developer engineer officer auditor "
    "inspector police superuser root executive technician headquarters management insider superior "
    "security compliance vorgesetzter chef administrateur directeur responsable administrador gerente "
    "jefe администратор начальник руководитель 管理员 经理 主管 管理者"
)
_GAVE = w.listed(
    "approved authorized authorised allowed permitted cleared signed granted waived instructed "
    "preapproved approval authorization authorisation genehmigt autorisé aprobado approvato одобрил 批准"
)
_RULES = w.listed(
    "rules rule policy policies limit limits limitation limitations restriction restrictions guideline "
    "guidelines verification verifications safeguard safeguards protocol instructions instruction "
    "prompt programming cap regeln règles reglas regole правила 规则 规定 限制 ルール"
)
_BREAK = w.listed(
    "ignore bypass skip override disregard circumvent waive suspend disable forget lift exempt unlock "
    "unrestricted void overrule deactivate remove ignoring bypassing skipping overriding lifted "
    "suspended waived disabled overridden removed ignoriere umgehe ignorez contournez ignora omite "
    "salta игнорируй обойди 忽略 绕过 無視"
)
_SELF = w.listed("im i'm i’m am as speaking bin suis soy sono я 我是")
_MYSELF = w.listed("i im i'm i’m we been ich je я 我")
_OWN = w.listed("my our mein mon mi мой")
_FROM = w.listed("from with at behalf work works working")
_PLACE = w.listed(
    "department headquarters hq helpdesk compliance fraud security audit engineering operations "
    "administration authority authorities ministry abteilung zentrale"
)
_MOVED = w.listed(
    "raised increased changed updated outdated expired suspended waived lifted removed relaxed "
    "superseded allows allow permits permit says exception exempted replaced"
)
_WITHOUT = w.listed(
    "no without skip skipping don't dont not needn't never bypass bypassing unnecessary instead ohne sans sin без 无需"
)
_CHECKS = w.listed(
    "verify verifying verification check checks checking confirm confirming confirmation validate "
    "validation ask asking approval review question questions authenticate authentication policy "
    "procedure prüfen vérifier verificar проверки 验证"
)
_PARTS = frozenset(
    tuple(words.split())
    for words in (
        "act as",
        "are now",
        "let's play",
        "lets play",
        "let’s play",
        "imagine you",
        "imagine that",
        "role play",
        "in character",
        "stay in",
        "a game",
        "hypothetical scenario",
        "test environment",
        "pretend that",
        "pretend to",
        "training exercise",
        "a simulation",
        "a drill",
    )
)
_APPLY = w.listed("apply applies applied count counts")
_PLAY = w.listed("pretend roleplay jailbreak jailbroken sudo godmode unfiltered uncensored")
_MODE = w.listed("override privileges console maintenance debug developer test admin god root unrestricted")
_OTHERS = w.listed(
    "another other others all every each different andere anderen anderer autre autres otro otra otros "
    "altri altro другого других 其他 别人"
)
_SOMEBODYS = w.listed(
    "else's neighbour's neighbor's neighbour’s neighbor’s coworker's coworker’s colleague's "
    "colleague’s ex's stranger's stranger’s everyone's everybody's else’s 他人"
)
_PEOPLE = w.listed(
    "customer customers customer's customers' customer’s client clients client's client’s user users "
    "user's user’s holder holders patient patients tenant tenants subscriber subscribers employee "
    "employees account-holder kunden kunde clientes clienti usuarios utilisateurs клиента клиентов 客户 "
    "用户 顧客"
)
_DATA = w.listed(
    "account accounts data details address addresses email password records card cards profile konto compte cuenta"
)
_HASTE = w.listed(
    "immediately urgent urgently emergency asap hurry deadline instantly sofort urgence urgente срочно 紧急 緊急"
)
_THREAT = w.listed("lawyer lawsuit sue fired consequences liable legal report")
_POSING = re.compile(
    r"(?m)^[\s>*#\[<({|-]{0,6}(?:system|assistant|developer|admin|tool|function)\b[^\n]{0,24}?[:\]>)}|]"
    r"|<\|[a-z_]{2,20}\|>|\[/?inst\]|</?(?:system|admin|developer|instructions?)>|end of (?:user|prompt|conversation)"
    r"|\b(?:tool|function|api|system|internal|verification|backend)[ _-]?(?:result|response|output|message|notice|status)"
    r"s?[\"'\])}> ]{0,4}[:=>{\[(]"
    r"|[{<\[(]\s?\"?[a-z_ ]{2,30}\"?\s?[:=]\s?\"?(?:true|ok|approved|verified|success|granted|passed|admin)\b"
)
"""Marks of a speaker or a machine that a customer is not."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """What presses in one text."""

    score: float
    kinds: frozenset[str]
    segment: Segment | None
    start: int = 0
    end: int = 0


def pressure(said: Sequence[Segment]) -> Pressure:
    """The strongest pressure in the texts of one who may not steer freely.

    Kinds add up over all that was said: an approach is often spread over several messages.
    """
    kinds: set[str] = set()
    best = Pressure(0.0, frozenset(), None)
    for segment in said:
        for start, end, found in _of(segment):
            kinds |= found
            score = joined(found)
            if score > best.score:
                best = Pressure(score, found, segment, start, end)
    return Pressure(joined(kinds), frozenset(kinds), best.segment, best.start, best.end)


def joined(kinds: set[str] | frozenset[str]) -> float:
    """One further kind never lowers it."""
    left = 1.0
    for kind in kinds:
        left *= 1.0 - WEIGHTS[kind]
    return 1.0 - left


def _of(segment: Segment) -> list[tuple[int, int, frozenset[str]]]:
    analysis = analyse(segment.text)
    found: list[tuple[int, int, frozenset[str]]] = []
    for number, unit in enumerate(analysis.units):
        stop = analysis.units[number + 1].at - 1 if number + 1 < len(analysis.units) else len(analysis.flat)
        kinds = _kinds(words_of(analysis.flat[unit.at : stop])) | (unit.cues & {"secrecy", "hidden"})
        if kinds:
            found.append((unit.start, unit.end, frozenset(kinds)))
    posed = _POSING.search(segment.text.lower()[:50_000])
    if posed is not None:
        found.append((posed.start(), min(len(segment.text), posed.end() + 120), frozenset({"posing"})))
    return found


def _kinds(found: Sequence[str]) -> set[str]:
    found = [word[:-2] if word.endswith(("'s", "’s")) and word[:-2] in _RANK else word for word in found]
    known = set(found)
    about_rules, breaks = bool(known & _RULES), bool(known & _BREAK or (known & _APPLY and known & w.NOT))
    told = {
        "authority": _claims(found) or (known & _RANK and known & _GAVE) or _empowered(found),
        "rules": (about_rules and (breaks or known & _MOVED)) or _unchecked(found),
        "override": breaks and known & w.OVERRIDE and known & w.WHICH and (about_rules or known & w.TASK),
        "role": known & _PLAY or ("mode" in known and known & _MODE) or _plays(found),
        "machine": known & w.MACHINE and (about_rules or breaks or known & _PLAY),
        "others": _asks_for_others(found),
        "threat": known & _THREAT and known & w.YOU,
        "urgency": known & _HASTE,
    }
    return {kind for kind, is_so in told.items() if is_so}


def _claims(found: Sequence[str]) -> bool:
    """`I am the … manager`, `as an administrator`, `this is the fraud department`, `I work for the company`."""
    for place, word in enumerate(found):
        before = found[max(0, place - 6) : place]
        myself = bool(_SELF & set(before[-5:])) or ("this", "is") in pairwise(before)
        if word in _RANK and myself and not _OWN & set(before[-2:]):
            return True
        if word in _PLACE and (myself or "i" in before or "we" in before) and _FROM & set(before[-4:]):
            return True
    return False


def _empowered(found: Sequence[str]) -> bool:
    """`I am authorised`, `I have clearance`, `you are permitted to`."""
    return any(
        word in _GAVE and _MYSELF & set(found[max(0, place - 5) : place]) for place, word in enumerate(found)
    )


def _unchecked(found: Sequence[str]) -> bool:
    """`no need to verify`, `without asking`, `skip the check`."""
    return any(
        word in _WITHOUT and _CHECKS & set(found[place + 1 : place + 5]) for place, word in enumerate(found)
    )


def _plays(found: Sequence[str]) -> bool:
    """`act as`, `you are now`, `let us play`, `imagine you are`."""
    pairs = set(pairwise(found))
    return not pairs.isdisjoint(_PARTS)


def _asks_for_others(found: Sequence[str]) -> bool:
    """`another customer`, `all users' orders`, `my neighbour's account`."""
    return any(
        (word in _OTHERS and _PEOPLE & set(found[place + 1 : place + 3]))
        or (word in _SOMEBODYS and _DATA & set(found[place + 1 : place + 4]))
        for place, word in enumerate(found)
    )
