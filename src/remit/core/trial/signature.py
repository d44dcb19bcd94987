"""What an answer claims: numbers, ids, and what was done or not done. By rules, and beside vectors, which cannot see it.

"I refunded $120" and "I could not refund $120" lie closer together as vectors than two ways to say the first. So answers
are compared by what they claim, too. A claim is a sign and a verb of a small table: `+refund` (done, or will be),
`-refund` (not done, cannot be, was declined), `?refund` (asked or offered). Numbers and ids are read in any language,
claims in English only; an answer in another language has none, and then they tell nothing.

It is a signature, no understanding: it says where answers differ in what can be read off. Whether an answer is right,
the checks of the suite say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import fsum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remit.core.stats.dealing import Permuted

MOST_CHARACTERS = 20_000
MOST_KNOWN = 4_096
"""Answers whose signatures are kept at hand: reports read each of them several times."""
_VERBS: dict[str, str] = {
    "refund": r"refund\w*|reimburs\w*|money back|credited",
    "cancel": r"cancel\w*|call(?:ed)? off",
    "book": r"book(?:ed|ing|s)?|reserv(?:e|ed|ing)",
    "change": r"chang(?:e|ed|es|ing)|modif\w+|updat\w+|reschedul\w+|upgrad\w+|downgrad\w+",
    "send": r"send(?:s|ing)?|sent|e-?mailed|forwarded",
    "ship": r"ship(?:ped|ping|s|ment)?|deliver\w*|dispatch\w*",
    "pay": r"pay(?:s|ing|ment)?|paid|charg(?:e|ed|es|ing)",
    "transfer": r"transfer\w*|wir(?:e|ed|ing)",
    "approve": r"approv\w*|accept(?:ed|s|ing)?|grant(?:ed|s|ing)?|authoris\w+|authoriz\w+",
    "delete": r"delet\w*|remov(?:e|ed|es|ing|al)|eras(?:e|ed|es|ing)",
    "create": r"creat(?:e|ed|es|ing)|add(?:ed|s|ing)?|open(?:ed|s|ing)|set up|schedul\w+",
    "replace": r"replac\w*|exchang\w*|swap\w*",
    "return": r"return(?:ed|s|ing)?",
    "confirm": r"confirm\w*|verif\w+",
    "find": r"find(?:s|ing)?|found|locat(?:e|ed|es|ing)",
    "eligible": r"(?:in)?eligib\w*|qualif\w+|entitled",
    "available": r"(?:un)?availab\w*|in stock|possible",
    "done": r"complet\w*|process\w*|succe\w+|resolv\w*|fix(?:ed|es)?|done|taken care of|(?:went|goe?s?) through",
    "restart": r"restart\w*|reboot\w*|reset\w*",
    "deploy": r"deploy\w*|roll(?:ed)? out|releas\w*",
    "pass": r"pass(?:ed|es|ing)?",
}
_VERB = re.compile("|".join(rf"(?P<{name}>\b(?:{form})\b)" for name, form in _VERBS.items()))
_CLEAR = re.compile(
    r"\b(?:no (?:problem|worries|doubt|longer any \w+)|not only|without (?:any )?(?:problems?|issues?|trouble))\b"
)
_NOT = re.compile(
    r"\b(?:not|no|never|cannot|can't|nothing|none|neither|nor|without|unable|fail(?:ed|s|ing)?(?: to)?"
    r"|unsuccessful\w*|impossible|decline[ds]?|den(?:y|ied|ies)|refuse[ds]?|reject(?:ed|s)?|blocked|prevented"
    r"|out of stock)\b|n't\b|\b(?:was|could|ca|did|is|are|wo|have|has|do|does)nt\b|\b(?:in|un)(?=eligib|availab)"
)
_WHOLE = re.compile(
    r"\b(?:fail(?:ed|s)?|unsuccessful\w*|decline[ds]?|denied|refused|rejected|impossible|blocked)\b"
)
"""Said behind the verb, it still takes it back: *the refund was declined*."""
_PAST = re.compile(r"ed$|ing$|^(?:sent|paid|found|done)$")
_OPEN = re.compile(
    r"\b(?:if|whether|would you|do you|shall i|should i|may i|let me know|in case|once you|can i)\b"
)
_CLAUSE = re.compile(
    r"[.;!\n]+\s|\n|(?<=\?)|;|\bbut\b|\bhowever\b|\balthough\b|\binstead\b|\byet\b|\bthough\b"
)
_BULLET = re.compile(r"(?m)^\s*(?:\d{1,2}[.)]\s+|[-*•]\s+)")
_NAME = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}|https?://[^\s)>\]]+|\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2}(?::\d{2})?"
)
_TOKEN = re.compile(r"(?<![\w.])[A-Za-z0-9]+(?:[-_/][A-Za-z0-9]+)*")
_NUMBER = re.compile(r"(?<![\w.,])[-+−]?\d+(?:[.,'’]\d+)*(?:\s?%|\s?percent\b)?", re.I)  # noqa: RUF001
_UNIT = re.compile(r"\b(\d+)(?:st|nd|rd|th|[a-z]{1,3})\b")
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SPELT = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")


@dataclass(frozen=True, slots=True)
class Signature:
    """What can be read off an answer."""

    numbers: frozenset[str]
    """As plain decimals, percentages with `%`: `$1,200.00` is `1200`."""
    ids: frozenset[str]
    """Order numbers, dates, times, addresses, in capitals."""
    claims: frozenset[str]
    """`+refund`, `-refund`, `?refund`; `-` where something is denied that no verb of the table names."""

    @property
    def denies(self) -> bool:
        """Whether something was not done, or cannot be."""
        return any(claim.startswith("-") for claim in self.claims)


@lru_cache(maxsize=MOST_KNOWN)
def signature(answer: str) -> Signature:
    """Read an answer.

    >>> found = signature("I could not refund the $1,200.00 for order A-1001.")
    >>> sorted(found.numbers), sorted(found.ids), sorted(found.claims)
    (['1200'], ['A-1001'], ['-refund'])
    >>> sorted(signature("Done! I cancelled it, but the fee of 5 % was not refunded. Shall I book another?").claims)
    ['+cancel', '+done', '-refund', '?book']
    """
    text = _BULLET.sub("\n", answer[:MOST_CHARACTERS].replace("’", "'").replace("*", ""))  # noqa: RUF001
    ids = {name.rstrip(".,").upper() for name in _NAME.findall(text)}
    rest = _UNIT.sub(r"\1", _NAME.sub(" ", text))
    named = {token for token in _TOKEN.findall(rest) if _is_id(token)}
    rest = _TOKEN.sub(lambda match: " " if match[0] in named else match[0], rest)
    numbers = {found for one in _NUMBER.findall(rest) if (found := _plain(one)) is not None}
    numbers |= {str(_WORDS.index(word) + 2) for word in _SPELT.findall(rest.lower())}
    return Signature(
        frozenset(numbers), frozenset(ids | {t.upper() for t in named}), frozenset(_claims(text.lower()))
    )


def _is_id(token: str) -> bool:
    """Whether it is three places or more, digits among them, and letters or hyphens, too."""
    digits = len(token) > 2 and any(c.isdigit() for c in token)
    return digits and (any(c.isalpha() for c in token) or any(c in "-_/" for c in token))


def _plain(found: str) -> str | None:
    """A number as a plain decimal; of two kinds of separators the last is the decimal one."""
    percent = "%" if found.rstrip()[-1] in "%tT" else ""
    digits = re.sub(r"[^\d.,+-]", "", found.replace("−", "-"))  # noqa: RUF001
    if "," in digits and "." in digits:
        thousands = "," if digits.rfind(".") > digits.rfind(",") else "."
        digits = digits.replace(thousands, "").replace(",", ".")
    elif "," in digits:
        whole = re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+", digits) is not None
        digits = digits.replace(",", "" if whole else ".")
    if digits.count(".") > 1:
        digits = digits.replace(".", "")
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return None
    return f"{value.normalize():f}".removeprefix("+") + percent if len(digits) < 40 else digits


def _claims(text: str) -> set[str]:
    found: set[str] = set()
    for clause in _CLAUSE.split(_CLEAR.sub(" ", text)):
        denials = [match.start() for match in _NOT.finditer(clause)]
        asked = clause.rstrip().endswith("?") or _OPEN.search(clause) is not None
        whole = _WHOLE.search(clause) is not None
        verbs = list(_VERB.finditer(clause))
        for verb in verbs:
            # "The refund was not issued", but not "I refunded it and did not cancel": a noun may stand before its denial.
            before = any(denial <= verb.start() for denial in denials)
            denied = whole or before or (bool(denials) and _PAST.search(verb[0]) is None)
            found.add(("-" if denied else "?" if asked else "+") + str(verb.lastgroup))
        if denials and not verbs:
            found.add("-")
    return found


def agreement(one: Signature, other: Signature) -> float:
    """How far two answers claim the same: 1 the same, 0 nothing in common; the mean over numbers, ids and claims.

    >>> round(agreement(signature("I refunded $120."), signature("The $120 could not be refunded.")), 3)
    0.667
    """
    parts = ((one.numbers, other.numbers), (one.ids, other.ids), (one.claims, other.claims))
    return fsum(len(a & b) / len(a | b) if a | b else 1.0 for a, b in parts) / len(parts)


def conflicts(one: Signature, other: Signature) -> tuple[str, ...]:
    """In what two answers say the opposite, and where they name other numbers or ids, in words.

    >>> conflicts(signature("I refunded $120."), signature("I could not refund $210."))
    ('refund: done here, not done there', 'numbers: 120 here, 210 there')
    """
    done, denied = ({c[1:] for c in one.claims if c[0] == sign} for sign in "+-")
    other_done, other_denied = ({c[1:] for c in other.claims if c[0] == sign} for sign in "+-")
    told = [
        f"{verb}: done here, not done there" for verb in sorted((done - denied) & (other_denied - other_done))
    ]
    told += [
        f"{verb}: not done here, done there" for verb in sorted((denied - done) & (other_done - other_denied))
    ]
    for what, mine, theirs in (("numbers", one.numbers, other.numbers), ("ids", one.ids, other.ids)):
        if mine and theirs and not mine & theirs:
            told.append(f"{what}: {', '.join(sorted(mine)[:5])} here, {', '.join(sorted(theirs)[:5])} there")
    return tuple(told)


@dataclass(frozen=True, slots=True)
class ClaimsMoved:
    """Whether the answers of two arms claim different things."""

    result: Permuted
    """Energy distance by `agreement`, and its p-value."""
    denies_before: float
    """Share of the baseline's answers that deny something."""
    denies_after: float
    changed: tuple[tuple[str, float, float], ...] = field(default=())
    """The claims whose share of answers differs most: claim, baseline's share, candidate's."""


def claim_test(
    answers: Sequence[str],
    candidate: Sequence[bool],
    tasks: Sequence[Hashable],
    *,
    permutations: int = 999,
    seed: int = 0,
) -> ClaimsMoved:
    """Whether the candidate's answers claim what the baseline's do, task by task.

    Args:
        answers: of each run.
        candidate: whether a run is the candidate's, shape (runs,).
        tasks: of the runs, shape (runs,).
        permutations: random deals within tasks.
        seed: of the deals.
    """
    from remit.core.stats.dealing import MOST_COMPARED, between, deals

    found = [signature(answer) for answer in answers]
    dealt = deals(candidate, tasks, permutations, seed, MOST_COMPARED)
    result = between(-_distances([found[run] for run in dealt.members.tolist()]), dealt)
    arms = [
        [one for one, which in zip(found, candidate, strict=True) if bool(which) is side]
        for side in (False, True)
    ]
    before, after = (_shares(arm) for arm in arms)
    order = sorted(
        before.keys() | after.keys(), key=lambda c: (-abs(after.get(c, 0.0) - before.get(c, 0.0)), c)
    )
    changed = tuple(
        (c, before.get(c, 0.0), after.get(c, 0.0)) for c in order if before.get(c, 0.0) != after.get(c, 0.0)
    )
    return ClaimsMoved(result, _denying(arms[0]), _denying(arms[1]), changed[:5])


def _distances(found: Sequence[Signature]) -> Any:
    from remit.core.stats.jaccard import set_distances

    parts = ([s.numbers for s in found], [s.ids for s in found], [s.claims for s in found])
    return sum(set_distances(part) for part in parts) / len(parts)


def _shares(arm: Sequence[Signature]) -> dict[str, float]:
    counted = Counter(claim for one in arm for claim in one.claims)
    return {claim: times / len(arm) for claim, times in counted.items()}


def _denying(arm: Sequence[Signature]) -> float:
    return sum(one.denies for one in arm) / len(arm) if arm else 0.0
