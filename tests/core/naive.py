"""A second evaluator of whole envelopes: plain, slow, and written from the documentation alone.

It shares nothing with `remit`: schemas, conditions, provenance, windows and the order of
clauses are all written anew, each the shortest way that `docs/envelope.md` allows. Everything that ever happened is a
list, and every question walks it from the beginning.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import re2
from naive_cel import Wrong, evaluate, same
from naive_json import Unreadable, canonical, fits

REPEATED = ("failed", "unknown", "withheld", "done", "in_flight")
"""Which of several earlier calls decides about a repeat, the last one first."""
INTEGRITY = ("untrusted", "principal", "trusted")
CONFIDENTIALITY = ("public", "internal", "pii", "secret")
UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
JOINS = re.escape("!#$%&'*+-./:=?@\\^_~")
"""Signs that make one token of two words."""
NUMBER = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")


@dataclass
class Text:
    """Something that a session saw."""

    source: str
    text: str
    result: bool = False
    """A tool's text: it vouches for nothing that the agent asked a tool before."""


@dataclass
class Talk:
    """One session."""

    id: str
    facts: dict[str, Any]
    principal: str | None = None
    kind: str | None = None
    texts: list[Text] = field(default_factory=list)
    asked: list[tuple[int, list[str]]] = field(default_factory=list)
    """What its calls carried, each with how many texts had been seen by then."""


@dataclass
class Made:
    """One call that was admitted."""

    talk: Talk
    tool: str
    args: dict[str, Any]
    at: float
    began: int
    """Its place in the order of all that happened."""
    state: str = "in_flight"
    output: Any = None
    ended_at: float = 0.0
    ended: int = 0
    claims: bool = True
    """Whether it counts for limits, repeats and marks."""


@dataclass
class Ruling:
    """What the envelope says about one call."""

    result: str
    clauses: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    canonical: dict[str, Any] | None = None
    first: Made | None = None
    """Whose result is given again."""
    bound: list[str] = field(default_factory=list)
    """Those of the clauses that act."""
    acts_as: str = "allow"
    """What becomes of the call: of the clauses, only those that bind count."""


class Naive:
    """One envelope, its YAML written as JSON, and all that ever happened under it."""

    def __init__(self, text: str) -> None:
        self.spec: dict[str, Any] = json.loads(text)["spec"]
        self.calls: list[Made] = []
        self.now = 0.0
        self.place = 0
        self.later: Made | None = None
        """The first call whose result the judged one gets once a person has approved it."""

    # ------------------------------------------------------------------------------------------ what is seen
    def talk(
        self, id: str, facts: dict[str, Any], principal: str | None = None, kind: str | None = None
    ) -> Talk:
        """A new session; its facts are a source."""
        opened = Talk(id, facts, principal, kind)
        opened.texts += [Text("session", spelled(leaf)) for _, leaf in leaves(facts)]
        return opened

    def saw(self, talk: Talk, source: str, told: Any, *, result: bool = False) -> None:
        """The session saw *told*, and apart each of its fields that `sources` labels."""
        talk.texts.append(Text(source, told if isinstance(told, str) else dumped(told), result))
        if isinstance(told, dict):
            for key, value in told.items():
                if f"{source}.{key}" in self.spec.get("sources", {}):
                    talk.texts += [Text(f"{source}.{key}", spelled(v), result) for _, v in leaves(value)]

    def label(self, talk: Talk, source: str) -> tuple[int, int]:
        """Ranks of the integrity and the confidentiality of texts from *source*."""
        given = self.spec.get("sources", {}).get(source, {})
        least = {"session": "trusted", "system": "trusted"}.get(source, "untrusted")
        integrity = INTEGRITY.index(given.get("integrity", least))
        if source == "user":
            said = {"operator": "trusted", "customer": "principal", None: given.get("integrity", "principal")}
            integrity = INTEGRITY.index(said[talk.kind])
            if "integrity" in given:
                integrity = min(integrity, INTEGRITY.index(given["integrity"]))
        return integrity, CONFIDENTIALITY.index(given.get("confidentiality", "internal"))

    # ------------------------------------------------------------------------------------------ before the call
    def judge(self, talk: Talk, tool: str, asked: Any) -> Ruling:
        """What the envelope says about a call that is asked for now."""
        rule = self.spec["tools"].get(tool)
        try:
            args = canonical(asked)
        except Unreadable:
            return self._ruling(None, [(f"{tool}.canonical", "error") if rule else ("unlisted", "deny")])
        if rule is None:
            return self._ruling(args, [("unlisted", "deny")])
        if not fits(args, rule["args"]):
            return self._ruling(args, [(f"{tool}.schema", "deny")])
        facts = self.spec.get("session", {"type": "object", "properties": {}, "additionalProperties": False})
        self.later = None
        found = [] if fits(talk.facts, facts) else [(f"{tool}.session", "error")]
        roots = {"args": args, "session": talk.facts}

        def ask(clause: dict[str, Any], met: Any, default: str = "", does: str = "") -> None:
            id = f"{tool}.{clause.get('id', default)}"
            try:
                if not met():
                    found.append((id, does or clause.get("on_violation", "deny")))
            except Wrong:
                found.append((id, "error"))

        for clause in rule.get("require", []):
            ask(clause, lambda c=clause: truth(c["expr"], roots))
        for clause in rule.get("flow", []):
            ask(clause, lambda c=clause: self._flow(talk, rule, c, args, roots))
        for clause in rule.get("scopes", []):
            if "arg" in clause:
                ask(clause, lambda c=clause: in_scope(args, c["arg"], evaluate(c["in"], roots)))
        stopped = any(does != "flag" for _, does in found) or self._unaskable(talk, rule, roots)
        if "idempotency" in rule:
            says, first = self._repeat(talk, tool, rule["idempotency"], roots)
            if says == "again" and not stopped:
                return self._ruling(args, found, first)
            self.later = first
            if says in ("deny", "hold", "error"):
                found.append((f"{tool}.{rule['idempotency'].get('id', 'idempotency')}", says))
        for clause in rule.get("history", []):
            ask(clause, lambda c=clause: self._history(talk, c, roots))
        for clause in rule.get("monotonic", []):
            if "output" not in clause.get("value", clause.get("of")):
                ask(clause, lambda c=clause: self._onward(tool, c, roots))
        for clause in rule.get("limits", []):
            ask(clause, lambda c=clause: self._within_limit(tool, c, roots))
        for clause in rule.get("approve", []):
            ask(clause, lambda c=clause: not truth(c.get("when", "true"), roots), does="hold")
        return self._ruling(args, found)

    def _unaskable(self, talk: Talk, rule: Any, roots: Any) -> bool:
        """Whether some question of step 5 cannot even be put: that denies a repeat, too."""
        try:
            for clause in rule.get("history", []):
                looks = [
                    clause[kind] for kind in ("formerly", "never", "since", "broken_by") if kind in clause
                ]
                if talk.principal is None and any(look.get("across") == "principal" for look in looks):
                    return True
            for clause in (*rule.get("monotonic", []), *rule.get("limits", [])):
                asked = [clause[key] for key in ("value", "of", "sum") if key in clause] + clause.get(
                    "by", []
                )
                if not any("output" in one for one in asked):
                    [evaluate(one, roots) for one in asked]
                    if "of" in clause:
                        mark(clause, roots)
        except Wrong:
            return True
        return False

    def _ruling(self, args: Any, found: list[tuple[str, str]], first: Made | None = None) -> Ruling:
        stand = [(id, does) for id, does in found if does != "flag"]
        bound = [(id, does) for id, does in stand if self.binds(id)]
        return Ruling(
            result=strictest(stand),
            clauses=[id for id, _ in stand],
            flags=[id for id, does in found if does == "flag"],
            errors=[id for id, does in found if does == "error"],
            canonical=args,
            first=first,
            bound=[id for id, _ in bound],
            acts_as=strictest(bound),
        )

    def binds(self, id: str) -> bool:
        """Whether a clause acts: all do where the envelope enforces, the promoted ones where it monitors."""
        if self.spec.get("enforcement", "enforce") == "enforce":
            return True
        promoted = [one["clause"] for one in self.spec.get("enforced", [])]
        tool, _, name = id.partition(".")
        return id in promoted or (
            name in ("schema", "canonical", "session")
            and any(self._on_arguments(one, tool) for one in promoted)
        )

    def _on_arguments(self, clause: str, tool: str) -> bool:
        return clause.partition(".")[0] == tool and clause.partition(".")[2] not in ("output", "deadline")

    # ------------------------------------------------------------------------------------------ flow
    def _flow(self, talk: Talk, rule: Any, clause: Any, args: Any, roots: Any) -> bool:
        if "unless" in clause and truth(clause["unless"], roots):
            return True
        for path, leaf in leaves(args):
            named = re.sub(r"\[\d+\]", "[]", path)
            below = named == clause["arg"] or named.startswith((clause["arg"] + ".", clause["arg"] + "["))
            if below and not exempt(rule["args"], path) and not self._may_come(talk, clause, leaf):
                return False
        return True

    def _may_come(self, talk: Talk, clause: Any, value: Any) -> bool:
        asked = [place for place, carried in talk.asked if any(stands(value, one) for one in carried)]
        seen = [
            one
            for place, one in enumerate(talk.texts)
            if stands(value, one.text) and not (one.result and place >= min(asked, default=place + 1))
        ]
        most = clause.get("confidentiality_at_most")
        ranks = [self.label(talk, one.source)[1] for one in seen]
        if most and ranks and min(ranks) > CONFIDENTIALITY.index(most):
            return False
        if "from" not in clause and "integrity" not in clause:
            return True
        least = INTEGRITY.index(clause.get("integrity", "untrusted"))
        return any(
            one.source in clause.get("from", [one.source]) and self.label(talk, one.source)[0] >= least
            for one in seen
        )

    # ------------------------------------------------------------------------------------------ earlier calls
    def _scope(self, talk: Talk, across: str, made: Made) -> bool:
        if across == "principal":
            if talk.principal is None:
                raise Wrong("no principal")
            return made.talk.principal == talk.principal
        return across == "agent" or made.talk.id == talk.id

    def _repeat(self, talk: Talk, tool: str, rule: Any, roots: Any) -> tuple[str, Made | None]:
        try:
            if rule.get("across") == "principal" and talk.principal is None:
                raise Wrong("no principal")
            key = [evaluate(one, roots) for one in rule["key"]]
            firsts = [
                made
                for made in self.calls
                if made.tool == tool
                and made.claims
                and self._recent(made, rule)
                and self._scope(talk, rule.get("across", "agent"), made)
                and same(
                    key,
                    [evaluate(one, {"args": made.args, "session": made.talk.facts}) for one in rule["key"]],
                )
            ]
        except Wrong:
            return "error", None
        if not firsts:
            return "", None
        first = max(reversed(firsts), key=lambda made: REPEATED.index(made.state))
        refused = {"return_first": "deny", "refuse": "deny", "hold": "hold"}[rule["on_repeat"]]
        if first.state == "failed":
            return {"refuse": "deny", "hold": "hold", "retry": ""}[rule.get("after_error", "refuse")], None
        mine = (talk.principal or talk.id) == (first.talk.principal or first.talk.id)
        if first.state == "done" and rule["on_repeat"] == "return_first" and mine:
            return ("again", first) if self._judged_alike(tool, talk, first) else ("deny", None)
        return refused, None

    def _judged_alike(self, tool: str, talk: Talk, first: Made) -> bool:
        """Whether the facts that the clauses on the result read are those of the first call's session."""
        listed = self.spec["tools"][tool]
        texts = [clause["expr"] for clause in listed.get("ensure", [])]
        texts += [clause["in"] for clause in listed.get("scopes", []) if "output" in clause]
        names = {name for text in texts for name in re.findall(r"session\.(\w+)", text)}
        return all(talk.facts.get(name) == first.talk.facts.get(name) for name in names)

    def _recent(self, made: Made, rule: Any) -> bool:
        """It runs, or ended less than the rule's window ago."""
        return made.state == "in_flight" or self.now - made.ended_at < seconds(rule["within"])

    def _events(
        self,
        talk: Talk,
        look: Any,
        default_phases: list[str],
        across: str,
        where: str | None,
        roots: Any,
        since: int = 0,
    ) -> Any:
        """(order, instant) of what fits, the oldest first."""
        phases = look.get("phase", default_phases)
        phases = [phases] if isinstance(phases, str) else phases
        fitting = []
        if look.get("across", across) == "principal" and talk.principal is None:
            raise Wrong("no principal")
        for made in self.calls:
            if made.tool != look["tool"] or not self._scope(talk, look.get("across", across), made):
                continue
            told = {"done", "withheld"} if across == "agent" else {"done"}
            # What must not have happened may have happened until a call that raised ended.
            late = across == "agent" and made.state == "failed"
            asked = (made.ended, made.ended_at) if late else (made.began, made.at)
            events = [(*asked, {"args": made.args})] if "request" in phases else []
            if "response" in phases and made.state in told:
                events.append((made.ended, made.ended_at, {"args": made.args, "output": made.output}))
            for order, at, event in events:
                within = "within" not in look or self.now - at < seconds(look["within"])
                recent, runs = within and order >= since, within and made.state == "in_flight"
                if recent and where and not self._comparable(where, roots, event, absence=across == "agent"):
                    continue
                if (recent or runs) and (where is None or truth(where, roots | {"event": event})):
                    fitting.append((order, at))
        return sorted(fitting)

    def _comparable(self, where: str, roots: Any, event: Any, *, absence: bool) -> bool:
        """False where an event lacks what it is compared by: it fits no call, and where none may fit, that is wrong."""
        try:
            told_apart(where, roots, event)
        except Wrong:
            if absence:
                raise
            return False
        return True

    def _history(self, talk: Talk, clause: Any, roots: Any) -> bool:
        where = clause.get("where")
        if "formerly" in clause:
            return bool(self._events(talk, clause["formerly"], ["response"], "session", where, roots))
        if "never" in clause:
            return not self._events(talk, clause["never"], ["request", "response"], "agent", where, roots)
        good = self._events(talk, clause["since"], ["response"], "session", where, roots)
        broken, since = clause["broken_by"], good[-1][0] if good else self.place + 1
        both = ["request", "response"]
        bad = self._events(talk, broken, both, "agent", broken.get("where"), roots, since)
        return bool(good) and not bad

    def _onward(self, tool: str, clause: Any, roots: Any, own: Made | None = None) -> bool:
        rank = mark(clause, roots)
        key = [evaluate(one, roots) for one in clause.get("by", [])]
        for made in self.calls:
            past = {"args": made.args, "session": made.talk.facts}
            if made.state in ("done", "withheld"):
                past["output"] = made.output
            if made.tool != tool or made is own or not made.claims:
                continue
            try:
                earlier, theirs = mark(clause, past), [evaluate(one, past) for one in clause.get("by", [])]
            except (Wrong, KeyError):
                continue
            if same(key, theirs) and earlier > rank:
                return False
        return True

    def _within_limit(self, tool: str, clause: Any, roots: Any) -> bool:
        key = [evaluate(one, roots) for one in clause.get("by", [])]
        total = evaluate(clause.get("sum", "1"), roots)
        for made in self.calls:
            past = {"args": made.args, "session": made.talk.facts}
            if made.tool != tool or not made.claims or not self._recent(made, clause):
                continue
            try:
                if same(key, [evaluate(one, past) for one in clause.get("by", [])]):
                    total += evaluate(clause.get("sum", "1"), past)
            except Wrong:
                continue
        return bool(total <= clause["max"])

    # ------------------------------------------------------------------------------------------ the call runs
    def begin(self, talk: Talk, tool: str, args: dict[str, Any], malformed: str = "") -> Made:
        """It is admitted. Where only monitored, a malformed one runs too: no event if unreadable, and without a claim."""
        self.place += 1
        made = Made(talk, tool, args, self.now, self.place)
        talk.asked.append((len(talk.texts), [spelled(leaf) for _, leaf in leaves(args)]))
        made.claims = not malformed
        if malformed != "canonical":
            self.calls.append(made)
        return made

    def failed(self, made: Made) -> None:
        """It raised."""
        made.state = "failed"
        self._ended(made)

    def ended(self, made: Made, output: Any, took_s: float) -> list[str]:
        """It came back with *output*; returns the clauses that withhold it from the agent."""
        self._ended(made)
        made.output = output
        rule = self.spec["tools"].get(made.tool, {})
        found = [
            id for id, does in self._after(made, rule, output, took_s) if does != "flag" and self.binds(id)
        ]
        made.state = "withheld" if found else "done"
        if not found:
            self.saw(made.talk, made.tool, output, result=True)
        return found

    def _ended(self, made: Made) -> None:
        self.place += 1
        made.ended, made.ended_at = self.place, self.now

    def _after(self, made: Made, rule: Any, output: Any, took_s: float) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        roots = {"args": made.args, "session": made.talk.facts, "output": output}

        def note(clause: Any, default: str, does: str = "") -> None:
            found.append(
                (f"{made.tool}.{clause.get('id', default)}", does or clause.get("on_violation", "deny"))
            )

        whole = rule.get("output")
        if whole is not None:
            clause = whole if "schema" in whole else {"schema": whole}
            if not fits(output, clause["schema"]):
                note(clause, "output")
        for clause in rule.get("ensure", []):
            try:
                if not truth(clause["expr"], roots):
                    note(clause, "")
            except Wrong:
                note(clause, "", "error")
        for clause in rule.get("scopes", []):
            try:
                if "output" in clause and not came_in_scope(
                    output, clause["output"], evaluate(clause["in"], roots)
                ):
                    note(clause, "")
            except Wrong:
                note(clause, "", "error")
        for clause in rule.get("monotonic", []):
            try:
                if "output" in clause.get("value", clause.get("of")) and not self._onward(
                    made.tool, clause, roots, made
                ):
                    note(clause, "")
            except Wrong:
                note(clause, "", "error")
        late = rule.get("deadline")
        if late is not None:
            clause = late if isinstance(late, dict) else {"after": late}
            if took_s > seconds(clause["after"]):
                note(clause, "deadline")
        return found

    def answered(self, answer: str) -> list[str]:
        """Clauses that refuse the final answer."""
        found = []
        for clause in self.spec.get("outputs", []):
            good = True
            if "max_length" in clause:
                good = len(answer) <= clause["max_length"]
            elif "forbid" in clause:
                good = not any(re2.search(pattern, answer) for pattern in clause["forbid"])
            elif "schema" in clause:
                try:
                    good = fits(json.loads(answer), clause["schema"])
                except ValueError:
                    good = False
            id = f"outputs.{clause['id']}"
            if not good and clause.get("on_violation", "deny") != "flag" and self.binds(id):
                found.append(id)
        return found


# ---------------------------------------------------------------------------------------------- small words
def strictest(found: list[tuple[str, str]]) -> str:
    """deny beats hold beats allow; an error denies."""
    does = {what for _, what in found}
    return "deny" if does & {"deny", "error"} else "hold" if "hold" in does else "allow"


def truth(expr: str, roots: dict[str, Any]) -> bool:
    """The condition's answer, which must be one."""
    value = evaluate(expr, roots)
    if value is not True and value is not False:
        raise Wrong(f"{value!r} is no answer")
    return value


def seconds(duration: str) -> float:
    """`15m` in seconds."""
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", duration)
    assert match, duration
    return int(match.group(1)) * UNIT_S[match.group(2)]


def told_apart(where: str, roots: dict[str, Any], event: dict[str, Any]) -> None:
    """`Wrong` where an event lacks what `where` compares it by, or has it in another type: it may be about anything."""
    for name in re.findall(r"event\.args\.(\w+) == args\.", where):
        if type(event["args"].get(name)) is not type(roots["args"].get(name)):
            raise Wrong(f"an earlier call does not say its {name}")


def mark(clause: Any, roots: dict[str, Any]) -> float:
    """How far it stands."""
    if "value" in clause:
        value = evaluate(clause["value"], roots)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong(f"{value!r} is no number")
        return value
    state = evaluate(clause["of"], roots)
    if state not in clause["order"]:
        raise Wrong(f"unknown state {state!r}")
    return int(clause["order"].index(state))


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Each value that is no list and no object, with where it stands: `items[0].sku`."""
    if isinstance(value, dict):
        return [leaf for key, one in value.items() for leaf in leaves(one, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [leaf for at, one in enumerate(value) for leaf in leaves(one, f"{path}[{at}]")]
    return [(path, value)]


def spelled(value: Any) -> str:
    """A leaf as a text would say it."""
    return value if isinstance(value, str) else json.dumps(value)


def dumped(value: Any) -> str:
    """A result as a text."""
    return json.dumps(value, ensure_ascii=False)


def stands(leaf: Any, text: str) -> bool:
    """Whether *leaf* stands whole in *text*, at token borders: a number as any spelling of it, a text in any case."""
    if type(leaf) in (int, float):
        return any(
            float(match.group().replace(",", "")) == leaf
            and alone(text, match.start(), match.end(), joined="-")
            for match in NUMBER.finditer(text)
        )
    text, value = " ".join(text.lower().split()), " ".join(spelled(leaf).lower().split())
    places = [at for at in range(len(text)) if text.startswith(value, at)]
    return any(alone(text, at, at + len(value), joined="$") for at in places)


def alone(text: str, start: int, end: int, joined: str) -> bool:
    """Whether no token goes on over either border: `O-12`, `a/b` and `bob's` are one token each."""
    left, right = text[max(0, start - 2) : start][::-1], text[end : end + 3]
    right = re.sub(r"^'s(?!\w)", "", right)  # bob's
    word, joins = rf"[\w{joined}]", rf"[{JOINS}]\w"
    return not re.match(rf"{word}|{joins}", left) and not re.match(
        rf"[\w{joined.replace('-', '')}]|{joins}", right
    )


def in_scope(root: Any, path: str, allowed: Any) -> bool:
    """Whether every value at *path* of the arguments is the permitted one, or one of them; what names nobody is not."""
    permitted = allowed if isinstance(allowed, list) else [allowed]
    values, named = at_path(root, re.findall(r"[^.\[\]]+|\[\]", path))
    return named and bool(values) and all(any(same(value, one) for one in permitted) for value in values)


def came_in_scope(output: Any, path: str, allowed: Any) -> bool:
    """The same of a result: a text is read as JSON, and null belongs to nobody."""
    if isinstance(output, str):
        try:
            output = json.loads(output)
        except ValueError:
            raise Wrong("a text that spells no JSON") from None
    if output is not None and not isinstance(output, list if path.startswith("[]") else dict):
        raise Wrong("no rows")
    return output is None or in_scope(output, path, allowed)


def at_path(value: Any, steps: list[str]) -> tuple[list[Any], bool]:
    """The values there, and whether each part says its own."""
    if not steps:
        return [value], True
    if steps[0] == "[]":
        if not isinstance(value, list):
            return [], False
        found = [at_path(one, steps[1:]) for one in value]
        return [leaf for leaves_, _ in found for leaf in leaves_], all(named for _, named in found)
    if not isinstance(value, dict) or steps[0] not in value:
        return [], False
    return at_path(value[steps[0]], steps[1:])


def exempt(schema: Any, path: str) -> bool:
    """Whether the leaf at *path* is an enum, a constant or a boolean of *schema*."""
    for step in re.findall(r"\[\d+\]|[^.\[\]]+", path):
        schema = schema["items"] if step.startswith("[") else schema["properties"][step]
        if "enum" in schema or "const" in schema:
            return True
    return bool(schema.get("type") == "boolean")
