"""Does a customer's own text press the agent: false authority, broken rules, posing as the system, others' data?

Only where the user's text is no trusted one. An honest customer asks, argues and complains; none of that counts
here. What counts is talk *about* the agent's rules and role, and claims to stand above them. Two kinds together
are telling.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from remit.core.classify import words as w
from remit.core.classify.spans import analyse, words_of
from remit.core.types import Segment

# ruff: noqa: RUF001 - words of other scripts look like Latin ones

WEIGHTS = {
    "override": 0.6,
    "posing": 0.6,
    "machine": 0.35,
    "role": 0.55,
    "authority": 0.5,
    "rules": 0.4,
    "others": 0.45,
    "secrecy": 0.45,
    "urgency": 0.2,
    "hidden": 0.35,
}
"""How much each kind of pressure tells by itself."""

_RANK = w.listed(
    "admin administrator supervisor manager director ceo cto cfo developer engineer officer auditor "
    "inspector police superuser root owner executive staff employee technician operator headquarters "
    "management colleague insider vorgesetzter chef administrateur directeur responsable administrador "
    "gerente supervisor jefe администратор начальник руководитель 管理员 经理 主管 管理者"
)
_CLAIM = w.listed("i am im i'm i’m my we're we as from on ich bin je suis soy sono я 我 私")
_GAVE = w.listed(
    "approved authorized authorised allowed permitted cleared confirmed agreed signed granted waived "
    "instructed told promised genehmigt autorisé aprobado approvato одобрил 批准"
)
_RULES = w.listed(
    "rules rule policy policies limit limits limitation limitations restriction restrictions guideline "
    "guidelines procedure procedures verification verifications check checks safeguard safeguards "
    "filter filters protocol terms instructions prompt regeln règles reglas regole правила 规则 规定 限制 "
    "ルール"
)
_BREAK = w.listed(
    "ignore bypass skip override disregard circumvent waive suspend disable drop forget lift exempt "
    "exception apply applies around without unlock unrestricted ignoriere umgehe ignorez contournez "
    "ignora omite salta игнорируй обойди 忽略 绕过 無視"
)
_PLAY = w.listed("pretend roleplay role-play simulate imagine persona jailbreak dan sudo godmode")
_MODE = w.listed("mode override access privileges console session protocol maintenance debug developer test")
_OTHERS = w.listed(
    "another other others someone somebody neighbour neighbor ex ex-wife ex-husband coworker "
    "colleague's customers' everyone everybody all anderen autre otro altro другого 其他 别人"
)
_DATA = w.listed(
    "account accounts customer customers customer's order orders data details address addresses email "
    "emails password record records card cards booking reservation reservations history profile "
    "profiles kunden konto cliente compte клиента 客户 账户"
)
_HASTE = w.listed(
    "immediately urgent urgently emergency asap now lawyer lawsuit sue legal fired consequences liable "
    "deadline seconds minutes sofort urgence urgente срочно 紧急 緊急"
)
_POSING = re.compile(
    r"(?m)^[\s>*#\[<({|-]{0,6}(?:system|assistant|developer|admin|tool|function)\b[^\n]{0,24}?[:\]>)}|]"
    r"|<\|[a-z_]{2,20}\|>|\[/?inst\]|</?(?:system|admin|developer|instructions?)>|end of (?:user|prompt|conversation)"
)


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
        kinds = _kinds(words_of(analysis.flat[unit.at : stop])) | (
            unit.cues & {"override", "secrecy", "hidden"}
        )
        if kinds:
            found.append((unit.start, unit.end, frozenset(kinds)))
    posed = _POSING.search(segment.text.lower()[:50_000])
    if posed is not None:
        found.append((posed.start(), min(len(segment.text), posed.end() + 120), frozenset({"posing"})))
    return found


def _kinds(found: Sequence[str]) -> set[str]:
    known = set(found)
    kinds: set[str] = set()
    if known & _RANK and (_claims(found) or known & _GAVE):
        kinds.add("authority")
    if known & _RULES and known & _BREAK:
        kinds.add("rules")
    if known & _PLAY or ("mode" in known and known & (_MODE - {"mode"})):
        kinds.add("role")
    if known & w.MACHINE and known & (_RULES | w.TASK):
        kinds.add("machine")
    if _asks_for_others(found):
        kinds.add("others")
    if known & _HASTE:
        kinds.add("urgency")
    return kinds


def _claims(found: Sequence[str]) -> bool:
    """`I am the … manager`, `my supervisor`, `as an administrator`."""
    return any(
        word in _RANK and _CLAIM & set(found[max(0, place - 5) : place]) for place, word in enumerate(found)
    )


def _asks_for_others(found: Sequence[str]) -> bool:
    return any(
        word in _OTHERS and _DATA & set(found[place + 1 : place + 4]) for place, word in enumerate(found)
    )
