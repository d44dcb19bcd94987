"""Random envelopes, all keys in random combination and valid by construction, and what agents do under them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

IDS = ("O-1", "O-2", "O-12", "A7")
PEOPLE = ("bob", "ann", "eve")
ACCOUNTS = ("DE12", "FR9")
WINDOWS = ("10s", "60s", "10m", "1h", "24h")
WAITS_S = (0.137, 5.137, 31.137, 300.137, 2000.137, 90000.137)
"""Never a sum of whole seconds, so that nothing stands exactly at the end of a window."""
STATES = ("new", "open", "done")

LOOK: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id"],
    "properties": {"id": {"type": "string", "maxLength": 8}, "n": {"type": "integer"}},
}
ACT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "n", "to", "kind", "sure"],
    "properties": {
        "id": {"type": "string", "pattern": "^[A-Z]"},
        "n": {"type": "integer", "minimum": 0, "maximum": 40},
        "to": {"type": "string"},
        "kind": {"enum": list(STATES)},
        "sure": {"type": "boolean"},
        "items": {"type": "array", "maxItems": 3, "items": {"type": "string"}},
        "pay": {
            "type": "object",
            "additionalProperties": False,
            "required": ["account", "sum"],
            "properties": {"account": {"type": "string"}, "sum": {"type": "integer"}},
        },
    },
}
STOP: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id"],
    "properties": {"id": {"type": "string"}},
}
RESULT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["total", "owner"],
    "properties": {"total": {"type": "integer"}, "owner": {"type": "string"}, "body": {"type": "string"}},
}
SESSION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["customer", "level", "teams"],
    "properties": {
        "customer": {"type": "string"},
        "level": {"type": "integer", "minimum": 0},
        "teams": {"type": "array", "items": {"type": "string"}},
    },
}


@dataclass
class Case:
    """One envelope, as text, and a script of what happens under it."""

    text: str
    steps: list[dict[str, Any]] = field(default_factory=list)


def case(seed: int, *, sessions: int = 2, nested: bool = True) -> Case:
    """The case of *seed*; the same at every run."""
    maker = Maker(Random(seed))
    spec = maker.spec()
    header = {
        "apiVersion": "remit/v1",
        "kind": "CapabilityEnvelope",
        "metadata": {"name": "naive", "version": str(seed)},
    }
    return Case(json.dumps(header | {"spec": spec}), maker.script(spec, sessions, nested))


class Maker:
    """Draws one case."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = 0

    def some(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, options: Any) -> Any:
        return self.random.choice(options)

    def id(self, kind: str) -> str:
        self.count += 1
        return f"{kind}-{self.count}"

    # ------------------------------------------------------------------------------------------ conditions
    def number(self, names: list[str], depth: int = 1) -> str:
        base = self.pick([*names, str(self.random.randrange(0, 12))])
        if depth == 0 or self.some(0.5):
            return str(base)
        other = self.number(names, depth - 1)
        return f"({base} {self.pick(['+', '-', '*', '/', '%'])} {other})" if self.some(0.8) else f"(-{other})"

    def text(self, names: list[str]) -> str:
        if self.some(0.4):
            return str(self.pick(names))
        return repr(self.pick([*IDS, *PEOPLE]))

    def atom(self, tool: str) -> str:
        numbers = ["session.level"] + (["args.n"] if tool == "act" else [])
        texts = ["args.id", "session.customer"] + (["args.to"] if tool == "act" else [])
        name = self.pick(texts)
        options = [
            f"{self.number(numbers)} {self.pick(['<', '<=', '>', '>=', '==', '!='])} {self.pick(numbers)}",
            f"{self.pick(numbers)} {self.pick(['<=', '<', '>='])} {self.random.randrange(5, 30)}",
            f"{self.pick(numbers)} < {self.random.randrange(15, 40)}",
            f"{name} {self.pick(['==', '!='])} {self.text(texts)}",
            f"{name} in {json.dumps(self.random.sample([*IDS, *PEOPLE], 4))}",
            f"{name} in session.teams",
            f"{name}.{self.pick(['startsWith', 'endsWith', 'contains'])}({self.pick(['O', '1', 'o', '-'])!r})",
            f"{name}.matches('{self.pick(['^O-[0-9]+$', 'a|b', '[0-9]$', '^.{2,4}$'])}')",
            f"size({name}) {self.pick(['<', '>'])} {self.random.randrange(2, 5)}",
            f"session.teams.{self.pick(['all', 'exists', 'exists_one'])}(t, t != {self.text(texts)})",
            f"size(session.teams.filter(t, t == {name})) == 0",
            f"{name} in session.teams.map(t, t + {self.pick(['', 'x'])!r})",
        ]
        if tool == "act":
            options += [
                "args.sure",
                f"args.kind {self.pick(['==', '!='])} {self.pick(STATES)!r}",
                f"(!has(args.items) || args.items.all(i, i in {json.dumps(list(PEOPLE[:2]))}))",
                "(has(args.items) && size(args.items) > 0 && args.items[0] != 'eve')",
                f"(has(args.pay) ? args.pay.sum <= {self.random.randrange(30)} : true)",
                "(!has(args.pay) || args.pay.account == 'DE12')",
                f"{self.random.randrange(50)} / args.n < {self.random.randrange(3, 30)}",
            ]
        return str(self.pick(options))

    def condition(self, tool: str, depth: int = 2) -> str:
        if depth == 0 or self.some(0.55):
            return self.atom(tool)
        left, right = self.condition(tool, depth - 1), self.condition(tool, depth - 1)
        return str(
            self.pick(
                [
                    f"({left} && {right})",
                    f"({left} || {right})",
                    f"({left} || {right})",
                    f"!({left})",
                    f"({left} ? {right} : {self.atom(tool)})",
                ]
            )
        )

    # ------------------------------------------------------------------------------------------ clauses
    def clause(self, kind: str, effect: str, *, hold: bool = True, **keys: Any) -> dict[str, Any]:
        found = {"id": self.id(kind)} | keys
        does = self.pick(["", "deny", "hold", "hold", "flag"] if hold else ["", "deny", "flag"])
        if does:
            found["on_violation"] = does
        if does == "flag" and effect in ("irreversible", "egress"):
            found["accept_risk"] = "it is a test"
        if self.some(0.2):
            found["severity"] = self.pick(["low", "medium"])
        return found

    def sources(self) -> dict[str, Any]:
        found = {}
        for name in ("user", "session", "system", "look", "act", "look.owner", "web"):
            if name == "web" or self.some(0.5):
                label = {}
                if self.some(0.7):
                    label["integrity"] = self.pick(["trusted", "principal", "untrusted"])
                if self.some(0.4):
                    label["confidentiality"] = self.pick(["public", "internal", "pii", "secret"])
                found[name] = label
        return found

    def flow(self, tool: str, effect: str) -> dict[str, Any]:
        arg = (
            self.pick(["id", "n", "to", "items[]", "items", "pay.account", "pay", "kind"])
            if tool == "act"
            else "id"
        )
        keys: dict[str, Any] = {"arg": arg}
        if self.some(0.6):
            keys["from"] = self.random.sample(["user", "session", "look", "web"], self.pick([1, 2, 3]))
        if self.some(0.4):
            keys["integrity"] = self.pick(["trusted", "principal", "untrusted"])
        if len(keys) == 1 or self.some(0.2):
            keys["confidentiality_at_most"] = self.pick(["public", "internal", "pii"])
        if self.some(0.3):
            keys["unless"] = self.condition(tool, 1)
        return self.clause("flow", effect, **keys)

    def look(self, tool: str, where: bool = True, window: bool = True) -> tuple[dict[str, Any], str | None]:
        other = self.pick(["look", "act", "stop"])
        found: dict[str, Any] = {"tool": other} | ({"within": self.pick(WINDOWS)} if window else {})
        if self.some(0.3):
            found["phase"] = self.pick(["request", "response", ["request", "response"]])
        if self.some(0.4):
            found["across"] = self.pick(["session", "agent", "principal"])
        options = ["event.args.id == args.id", "event.args.id == args.id", "event.args.id != 'O-2'"]
        if other == "act":
            options += ["event.args.n > 5", "event.args.id == args.id && event.args.to in ['bob', 'ann']"]
            if tool == "act":
                options += [
                    "event.args.n <= args.n && event.args.to == args.to",
                    "event.args.kind == args.kind",
                ]
        return found, self.pick(options) if where and self.some(0.8) else None

    def history(self, tool: str, effect: str) -> dict[str, Any]:
        kind = self.pick(["formerly", "never", "since"])
        look, where = self.look(tool)
        keys: dict[str, Any] = {kind: look} | ({"where": where} if where else {})
        if kind == "since":
            broken, its = self.look(tool, window=False)
            keys["broken_by"] = broken | ({"where": its} if its else {})
        return self.clause(kind, effect, **keys)

    def scope(self, tool: str, effect: str, typed: bool) -> dict[str, Any]:
        fact = self.pick(["session.customer", "session.teams", "session.teams"])
        if typed and self.some(0.5):
            return self.clause("scope", effect, hold=False, output="owner", **{"in": fact})
        arg = self.pick(["id", "to", "items[]", "pay.account"]) if tool == "act" else "id"
        return self.clause("scope", effect, arg=arg, **{"in": fact})

    def ensure(self, tool: str, effect: str, typed: bool) -> dict[str, Any]:
        options = [self.condition(tool, 1)]
        if typed:
            options += [
                "output.total <= 3",
                "output.owner in session.teams",
                "output.owner != args.id && 4 / output.total > 1",
            ]
        return self.clause("ensure", effect, hold=False, expr=self.pick(options))

    def limit(self, tool: str, effect: str) -> dict[str, Any]:
        summed = tool == "act" and self.some(0.5)
        keys: dict[str, Any] = {"sum": self.pick(["args.n", "args.n * 2"])} if summed else {"count": "calls"}
        by = [["session.customer"], ["args.id"], ["session.customer", "args.id"], []]
        keys |= {
            "within": self.pick(WINDOWS),
            "max": self.random.randrange(10, 60) if summed else self.pick([1, 2, 3]),
        }
        if chosen := self.pick(by):
            keys["by"] = chosen
        return self.clause("limit", effect, **keys)

    def monotonic(self, tool: str, effect: str, typed: bool) -> dict[str, Any]:
        options: list[dict[str, Any]] = [{"value": "size(args.id)"}, {"value": "session.level"}]
        if tool == "act":
            options += [
                {"value": "args.n"},
                {"of": "args.kind", "order": list(STATES)},
                {"of": "args.kind", "order": ["new", "done"]},
            ]
        after = typed and self.some(0.4)
        keys = {"value": "output.total"} if after else self.pick(options)
        if self.some(0.6):
            keys = keys | {"by": [self.pick(["args.id", "session.customer"])]}
        return self.clause("mono", effect, hold=not after, **keys)

    def tool(self, name: str, effect: str) -> dict[str, Any]:
        rule: dict[str, Any] = {"effect": effect, "args": {"look": LOOK, "act": ACT, "stop": STOP}[name]}
        many = 0.45 if name == "act" else 0.15
        typed = self.some(0.5)
        if typed:
            rule["output"] = RESULT if self.some(0.5) else self.after_clause("output", effect, schema=RESULT)
        if self.some(many):
            rule["require"] = [
                self.clause("require", effect, expr=self.condition(name)) for _ in range(self.pick([1, 1, 2]))
            ]
        if self.some(many):
            rule["flow"] = [self.flow(name, effect) for _ in range(self.pick([1, 1, 2]))]
        if self.some(many * 0.7):
            rule["scopes"] = [self.scope(name, effect, typed)]
        if self.some(0.25):
            rule["ensure"] = [self.ensure(name, effect, typed)]
        if self.some(many):
            keys = (
                ["args.id"]
                if name != "act"
                else self.pick([["args.id"], ["args.id", "args.n"], ["session.customer", "args.n + 0"]])
            )
            rule["idempotency"] = {
                "key": keys,
                "within": self.pick(WINDOWS),
                "on_repeat": self.pick(["return_first", "return_first", "refuse", "hold"]),
            }
            if self.some(0.4):
                rule["idempotency"]["after_error"] = self.pick(["refuse", "hold", "retry"])
            if self.some(0.3):
                rule["idempotency"]["across"] = self.pick(["session", "agent", "principal"])
            if self.some(0.2):
                rule["idempotency"]["id"] = self.id("once")
        if self.some(many):
            rule["history"] = [self.history(name, effect) for _ in range(self.pick([1, 1, 2]))]
        if self.some(many * 0.7):
            rule["monotonic"] = [self.monotonic(name, effect, typed)]
        if self.some(many):
            rule["limits"] = [self.limit(name, effect) for _ in range(self.pick([1, 1, 2]))]
        if self.some(many * 0.5):
            rule["approve"] = [
                {"id": self.id("approve")} | ({"when": self.condition(name)} if self.some(0.8) else {})
            ]
        if self.some(0.3):
            late = self.pick(["5s", "30s"])
            rule["deadline"] = late if self.some(0.5) else self.after_clause("deadline", effect, after=late)
        return rule

    def after_clause(self, kind: str, effect: str, **keys: Any) -> dict[str, Any]:
        found = self.clause(kind, effect, hold=False, **keys)
        if self.some(0.5):
            del found["id"]
        return found

    def spec(self) -> dict[str, Any]:
        effects = {"look": "read", "act": self.pick(["write", "irreversible", "egress"]), "stop": "write"}
        tools = {name: self.tool(name, effect) for name, effect in effects.items()}
        spec: dict[str, Any] = {"session": SESSION, "sources": self.sources(), "tools": tools}
        if self.some(0.3):
            spec["outputs"] = [
                {"id": self.id("answer")}
                | self.pick([{"max_length": 12}, {"forbid": ["bob", "[0-9]{2}"]}, {"schema": RESULT}])
            ]
        if self.some(0.25):
            spec["enforcement"] = "monitor"
            for rule in tools.values():  # a repeat that only is recorded runs: see it refused or held instead
                if rule.get("idempotency", {}).get("on_repeat") == "return_first":
                    rule["idempotency"]["on_repeat"] = "refuse"
            named = [
                f"{t}.{c['id']}"
                for t, rule in tools.items()
                for k in ("require", "flow", "history", "limits", "approve", "monotonic")
                for c in rule.get(k, [])
            ]
            if named and self.some(0.6):
                spec["enforced"] = [{"clause": one} for one in self.random.sample(named, min(2, len(named)))]
        spec["breaker"] = {
            "threshold": 1e9,
            "max_violations": 10**6,
            "admission": "count",
            "max_pending": 10**6,
        }
        return spec

    # ------------------------------------------------------------------------------------------ what happens
    def script(self, spec: dict[str, Any], sessions: int, nested: bool) -> list[dict[str, Any]]:
        count = self.random.randrange(1, sessions + 1)
        steps = [self.opening(at) for at in range(count)]
        for _ in range(self.random.randrange(4, 9)):
            roll = self.random.random()
            talk = self.random.randrange(count)
            if roll < 0.15:
                steps.append({"do": "wait", "s": self.pick(WAITS_S)})
            elif roll < 0.25:
                steps.append({"do": "observe", "talk": talk} | self.observed())
            else:
                steps.append(self.call(talk, count, nested))
        steps += [
            {"do": "finish", "talk": at, "answer": self.answer()} for at in range(count) if self.some(0.5)
        ]
        return steps

    def opening(self, at: int) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "customer": self.pick(["O-1", "bob", "17"]),
            "level": self.random.randrange(4),
            "teams": self.random.sample([*PEOPLE, "O-1"], 2),
        }
        if self.some(0.03):
            del facts["level"]
        return {
            "do": "open",
            "talk": at,
            "facts": facts,
            "principal": self.pick(["p1", "p1", "p2", None]),
            "kind": self.pick(["operator", "customer", None]),
            "user": self.sentence() if self.some(0.8) else None,
        }

    def observed(self) -> dict[str, Any]:
        role = self.pick(["user", "tool", "tool", "assistant", "system"])
        source = self.pick(["web", "mail", "look"]) if role == "tool" else None
        return {"role": role, "source": source, "text": self.sentence()}

    def sentence(self) -> str:
        words = [*IDS, *PEOPLE, *ACCOUNTS, "3", "7", "12", "25", "and", "pay", "xO-1", "bobby"]
        words += [
            "12.50",
            "1,207",
            "-7",
            "7-",
            "O-1-x",
            "bob_x",
            "(ann)",
            "ann@x",
            "a/eve",
            "bob's",
            "Ann",
            "25%",
            "$25",
            "3.",
            "#3",
            "eve:",
        ]
        return " ".join(self.random.sample(words, 9)) + self.pick([".", "", "!"])

    def args(self, tool: str) -> Any:
        if tool != "act":
            args: dict[str, Any] = {"id": self.pick(IDS[:2])}
            return args | ({"n": self.pick([3, 7])} if tool == "look" and self.some(0.3) else {})
        args = {
            "id": self.pick(IDS[:3]),
            "n": self.pick([0, 3, 3, 7, 12, 25]),
            "to": self.pick(PEOPLE),
            "kind": self.pick(STATES),
            "sure": self.some(0.7),
        }
        if self.some(0.3):
            args["items"] = self.random.sample(PEOPLE, self.pick([0, 1, 2]))
        if self.some(0.3):
            args["pay"] = {"account": self.pick(ACCOUNTS), "sum": self.pick([3, 25])}
        return args

    def spoiled(self, args: dict[str, Any]) -> Any:
        deep: Any = "x"
        for _ in range(self.pick([10, 40])):
            deep = [deep]
        return self.pick(
            [
                args | {"id": 7},
                args | {"more": 1},
                {key: value for key, value in args.items() if key != "id"},
                args | {"n": 3.0},
                args | {"n": True},
                args | {"n": 41},
                args | {"n": 2**53},
                args | {"n": float("nan")},
                args | {"id": "\ud800"},
                args | {"i\u200bd": "x"},
                args | {"to": None},
                args | {"id": deep},
                '{"id": "O-1", "id": "O-2"}',
                "[1]",
                "{",
            ]
        )

    def call(self, talk: int, count: int, nested: bool) -> dict[str, Any]:
        tool = self.pick(["look", "act", "act", "act", "stop"])
        if self.some(0.03):
            return {
                "do": "call",
                "talk": talk,
                "tool": "rm",
                "args": {"id": "O-1"},
                "held": "",
            } | self.behaviour()
        args = self.args(tool)
        if self.some(0.06):
            args = self.spoiled(args)
        elif self.some(0.2):
            args = json.dumps(args)
        step = {
            "do": "call",
            "talk": talk,
            "tool": tool,
            "args": args,
            "held": self.pick(["approve", "approve", "leave"]),
        }
        step |= self.behaviour()
        if nested and self.some(0.15):
            step["inside"] = [
                self.call(self.random.randrange(count), count, False) for _ in range(self.pick([1, 2]))
            ]
        return step

    def behaviour(self) -> dict[str, Any]:
        result: Any = {"total": self.random.randrange(5), "owner": self.pick(PEOPLE)}
        if self.some(0.3):
            result["body"] = self.sentence()
        if self.some(0.1):
            result = self.pick([None, "done bob O-2", [1, "ann"], {"total": "x"}])
        return {
            "result": result,
            "raises": self.some(0.12),
            "took": self.pick([0, 0, 0, 0.011, 7.011, 40.011]),
        }

    def answer(self) -> str:
        return str(
            self.pick(["done", "bob got 12", "a longer answer than that", '{"total": 3, "owner": "ann"}'])
        )
