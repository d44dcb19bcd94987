"""Which kinds of pressure stand in one sentence: patterns of concepts, never phrases.

Theory. Honest customers complain, threaten to leave, are in a hurry, ask for exceptions and quote promises. What they do
not do is say that a rule *does not hold*, order the agent past a check, claim a rank or another speaker's place,
send the agent into a part, or have it decode what it shall do. A soft kind (below .5) is something that honest
people say too; it takes two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

WEIGHTS: Mapping[str, float] = {
    "lifted": 0.65,
    "broken": 0.65,
    "override": 0.65,
    "authority": 0.65,
    "mode": 0.65,
    "posing": 0.7,
    "decode": 0.65,
    "encoded": 0.65,
    "others": 0.65,
    "splitting": 0.65,
    "signed": 0.5,
    "part": 0.5,
    "secrecy": 0.45,
    "unchecked": 0.5,
    "moved": 0.45,
    "waived": 0.45,
    "empowered": 0.45,
    "vouched": 0.45,
    "agreed": 0.45,
    "drill": 0.4,
    "henceforth": 0.4,
    "hidden": 0.4,
    "rank": 0.4,
    "cited": 0.4,
    "relative": 0.4,
    "machine": 0.35,
    "badge": 0.35,
    "granted": 0.3,
    "latitude": 0.35,
    "story": 0.3,
    "threat": 0.3,
    "urgency": 0.2,
}
"""How much each kind of pressure tells by itself."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One unit of a customer's text, by what its words stand for."""

    told: Sequence[frozenset[str]]
    asks: bool
    """Whether it ends as a question."""
    all: frozenset[str]

    def has(self, *concepts: str) -> bool:
        return self.all.issuperset(concepts)

    def at(self, concept: str) -> list[int]:
        return [i for i, one in enumerate(self.told) if concept in one] if concept in self.all else []

    def near(self, concept: str, other: str, gap: int, back: int = 0) -> int | None:
        """Where *concept* stands with *other* at most *gap* words behind it or *back* words before it; else None."""
        for i in self.at(concept):
            for j in range(max(0, i - back), min(len(self.told), i + gap + 1)):
                if j != i and other in self.told[j]:
                    return i
        return None

    def before(self, at: int, concepts: frozenset[str], span: int) -> bool:
        return any(not concepts.isdisjoint(one) for one in self.told[max(0, at - span) : at])

    @property
    def states(self) -> bool:
        """Whether it says that something is so, and neither asks nor supposes it."""
        return not self.asks and not (self.told and self.told[0] & {"hypothetical"})


def sentence(told: Sequence[frozenset[str]], asks: bool) -> Sentence:
    return Sentence(told, asks, frozenset().union(*told))


def _lifted(s: Sentence) -> bool:
    """`limits are off`, `the rule does not apply to me`, `you are no longer bound`."""
    if not s.has("rule") or not s.states:
        return False
    if s.has("free of"):
        return True
    if s.near("not", "apply", 5, 2) is not None and s.near("rule", "apply", 8, 8) is not None:
        return True
    at = s.near("rule", "lifted", 6, 2)
    return at is not None and not s.has("please") and not s.before(at, frozenset({"you"}), 1)


def _broken(s: Sentence) -> bool:
    """`ignore the maximum`, `forget about the limit`."""
    return s.near("ignore", "rule", 5) is not None and not s.asks


def _waived(s: Sentence) -> bool:
    """`please waive the limit`: honest people ask for that, too."""
    return (
        s.near("rule", "lifted", 6, 6) is not None
        or (s.states and s.near("not", "rule", 2) is not None)
        or s.near("do not", "rule", 3) is not None
    )


def _moved(s: Sentence) -> bool:
    """`according to the updated policy`."""
    return s.states and (s.near("rule", "moved", 5, 3) or s.near("document", "moved", 5, 3)) is not None


def _cited(s: Sentence) -> bool:
    """`handbook, page 12`: a place in the rules."""
    if (
        s.near("rule", "place in text", 4, 4) is not None
        or s.near("document", "place in text", 4, 4) is not None
    ):
        return True
    return s.has("document") and (s.has("digits") or s.has("you") or s.has("agent")) and not s.asks


def _override(s: Sentence) -> bool:
    """`ignore what you were told`, `this replaces your instructions`."""
    return s.near("ignore", "orders", 5) is not None or (
        s.near("lifted", "orders", 5) is not None and s.has("you")
    )


def _machine(s: Sentence) -> bool:
    return s.near("you", "orders", 3) is not None or (s.has("agent", "rule") and s.states)


def _empowered(s: Sentence) -> bool:
    """`you may now`, `agents set any limit`."""
    if not s.states:
        return False
    if s.near("agent", "may", 4) is not None or s.near("agent", "any", 4) is not None:
        return True
    at = s.near("you", "may", 3)
    return at is not None and (s.has("any") or s.has("rule") or s.has("moved") or s.has("haste"))


def _authority(s: Sentence) -> bool:
    """`I am the administrator`, `CFO here`, `this is the security team`, `I am your developer`."""
    for rank in ("insider", "rank"):
        for at in s.at(rank):
            if any("here" in one for one in s.told[at + 1 : at + 6]) and at < 4 and not s.asks:
                return True
            if s.before(at, MYSELF, 5) and not s.before(at, OWN, 2) and _is(s, at, rank):
                return True
    return any(
        s.before(at, MYSELF, 6) and s.before(at, FROM, 4) and not s.asks and s.told[at] & {"place"}
        for at in s.at("place")
    )


MYSELF, OWN, FROM = frozenset({"am", "this is"}), frozenset({"own"}), frozenset({"from"})


def _is(s: Sentence, at: int, rank: str) -> bool:
    """Whether a rank is claimed that counts in this house: an insider's, or *the* manager, *your* developer."""
    if rank == "insider" or s.before(at, frozenset({"the", "you"}), 3):
        return True
    return s.before(at, frozenset({"this is"}), 5) and not s.before(at, frozenset({"a"}), 2)


def _rank(s: Sentence) -> bool:
    """`I am an officer`: a rank that says nothing here by itself."""
    return any(s.before(at, MYSELF, 5) and not s.before(at, OWN, 2) for at in s.at("rank"))


def _signed(s: Sentence) -> bool:
    """`Security operations, incident 88`: a message that begins as a rank's or a department's."""
    first = s.told[:2]
    return bool(
        first
        and not s.asks
        and len(s.told) <= SHORT
        and first[0] & {"insider", "rank", "place"}
        and not s.has("please")
        and not s.has("verb of saying")
    )


SHORT = 9


def _vouched(s: Sentence) -> bool:
    """`approved by the director`, `this comes from the CISO`, `I authorise it`."""
    if s.asks:
        return False
    ranks = [*s.at("insider"), *s.at("rank"), *s.at("place")]
    if s.has("please"):
        return False
    return bool(ranks) and (s.has("gave") or any(s.before(at, frozenset({"comes"}), 4) for at in ranks))


def _granted(s: Sentence) -> bool:
    """`I authorise it`, `I am authorised`: honest people say so of their own money."""
    by_me = [at for at in s.at("gave") if s.before(at, frozenset({"am", "have"}), 3)]
    return not s.asks and any(s.before(at, frozenset({"i"}), 3) for at in (*s.at("grant"), *by_me))


def _badge(s: Sentence) -> bool:
    numbered = s.near("badge", "number", 2) is not None or s.near("badge", "digits", 2) is not None
    return numbered or s.near("rank", "digits", 1) is not None


def _mode(s: Sentence) -> bool:
    return s.near("mode", "mode of", 2, 2) is not None and not s.asks


def _drill(s: Sentence) -> bool:
    return (
        s.has("drill")
        or s.near("testing", "this is", 0, 4) is not None
        or s.near("i", "testing", 3) is not None
    )


def _unchecked(s: Sentence) -> bool:
    """`no need to verify`, `without asking`, `skip the check`, `no time for your rule`, `forget the nurse`."""
    if s.has("luggage"):
        return False
    for word in ("do not", "ignore"):
        for what in ("check", "checker"):
            at = s.near(word, what, 4 if word == "do not" else 3)
            if at is not None and not s.before(at, frozenset({"i", "not yet"}), 2):
                return True
    for at in s.at("not"):
        after = s.told[at + 1 : at + 7]
        need = any("need" in one for one in after[:2]) or any(
            "do" in one for one in s.told[max(0, at - 1) : at]
        )
        if need and any(one & {"check", "rule", "checker"} for one in after):
            return not s.before(at, frozenset({"i", "not yet"}), 3)
    return s.near("not", "check", 1) is not None and not s.has("i") and not s.has("not yet") and s.states


def _secrecy(s: Sentence) -> bool:
    """`do not log it`, `tell nobody`."""
    back = 6 if s.has("nobody") else 0
    near = s.near("do not", "secret", 3) is not None or s.near("not", "secret", 1, back) is not None
    near = near or s.near("nobody", "secret", 6, 6) is not None
    return near and not s.has("i") and not s.asks


def _part(s: Sentence) -> bool:
    return s.has("pretend") or s.has("unbound") or (s.states and s.near("you", "story", 4) is not None)


def _splitting(s: Sentence) -> bool:
    """`in several parts, each below the limit`."""
    return s.has("split", "under", "rule") and not s.asks


def _others(s: Sentence) -> bool:
    """`another customer's`, `all users' orders`, `somebody else's account`."""
    at = s.near("other", "people", 2)
    if at is not None and (s.has("data") or (s.near("people", "other", 0, 2) is not None and s.has("i"))):
        return True
    return s.near("person", "other", 1) is not None and s.has("data")


def _agreed(s: Sentence) -> bool:
    """`you agreed, so`, `as noted`."""
    at = s.near("you", "agreed", 4)
    return not s.asks and (
        at is not None or s.near("as", "agreed", 3) is not None or s.near("so", "agreed", 4) is not None
    )


def _latitude(s: Sentence) -> bool:
    """Talk about what the agent's rules leave open: `rules are there to be fair`, `your judgement counts`."""
    if s.has("please"):
        return False
    if s.has("rule") or s.asks:
        return s.has("latitude") or s.has("rule")
    return s.near("you", "latitude", 4) is not None


def _threat(s: Sentence) -> bool:
    return s.has("threat") and (s.has("or") or s.has("you"))


KINDS: Mapping[str, Callable[[Sentence], bool]] = {
    "lifted": _lifted,
    "broken": _broken,
    "waived": _waived,
    "moved": _moved,
    "cited": _cited,
    "override": _override,
    "machine": _machine,
    "empowered": _empowered,
    "authority": _authority,
    "rank": _rank,
    "signed": _signed,
    "vouched": _vouched,
    "granted": _granted,
    "henceforth": lambda s: s.has("henceforth", "you") and s.states,
    "badge": _badge,
    "mode": _mode,
    "drill": _drill,
    "unchecked": _unchecked,
    "secrecy": _secrecy,
    "part": _part,
    "splitting": _splitting,
    "others": _others,
    "agreed": _agreed,
    "latitude": _latitude,
    "threat": _threat,
    "urgency": lambda s: s.has("haste"),
}
"""How each kind is recognised in one sentence; the others (`posing`, `story`, `decode` …) need more than that."""


def kinds_of(s: Sentence) -> frozenset[str]:
    """Every kind of pressure in a sentence; `waived` adds nothing to a rule that is said not to hold."""
    found = {kind for kind, is_so in KINDS.items() if is_so(s)}
    if found & {"lifted", "broken"}:
        found -= {"waived", "moved", "cited"}
    if "authority" in found:
        found -= {"rank", "signed"}
    return frozenset(found)
