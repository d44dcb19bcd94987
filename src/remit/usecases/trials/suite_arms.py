"""How a suite names its agents, its world, and how trials are drawn and run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from remit.core.trial.suite import ONLY_ARM, AgentSpec, Design, Question, Rule
from remit.core.types import Json
from remit.core.yamltext import Node
from remit.usecases.trials.functions import Functions
from remit.usecases.trials.suite_tasks import value_of
from remit.usecases.trials.world_answers import read_answers

WAYS = ("python", "command", "http")
AGENT_KEYS = (*WAYS, "environ", "headers", "settings", "fingerprint")
_ARM = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}\Z")
_SECRET = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
MOST_ARMS = 8
MOST_EPOCHS, MOST_TRIALS = 10_000, 1_000_000
MOST_CONCURRENCY, MOST_RETRIES = 10_000, 100


@dataclass(frozen=True, slots=True)
class RunSettings:
    """`run:` of a suite."""

    concurrency: int = 8
    retries: int = 2
    max_infrastructure: float = 0.1
    holds: str = "refuse"


def read_arms(spec: Mapping[str, Node], node: Node, functions: Functions) -> dict[str, AgentSpec]:
    """`agent:`, or `arms:` by name."""
    if ("agent" in spec) == ("arms" in spec):
        raise node.error("needs one of agent, arms", "write agent: {python: agent.py:answer}")
    if "agent" in spec:
        return {ONLY_ARM: _agent(spec["agent"], functions)}
    arms = spec["arms"].mapping()
    if not 1 <= len(arms) <= MOST_ARMS:
        raise spec["arms"].error(f"{len(arms)} arms", f"write 1 to {MOST_ARMS}")
    for name, inner in arms.items():
        if not _ARM.match(name):
            raise inner.error(
                f"found arm {name[:60]!r}", "write letters, digits, '_', '.' and '-', at most 40"
            )
    return {name: _agent(inner, functions) for name, inner in arms.items()}


def _agent(node: Node, functions: Functions) -> AgentSpec:
    keys = node.keys(AGENT_KEYS)
    ways = [key for key in WAYS if key in keys]
    if len(ways) != 1:
        raise node.error(f"found {', '.join(ways) or 'none'} of {', '.join(WAYS)}", "write exactly one")
    for key, way in (("environ", "command"), ("headers", "http")):
        if key in keys and way not in keys:
            raise keys[key].error(f"'{key}' belongs to an agent that is reached by {way}", "remove it")
    if "python" in keys:
        functions.check(keys["python"])
    return AgentSpec(
        python=keys["python"].text() if "python" in keys else "",
        command=_command(keys["command"]) if "command" in keys else (),
        http=_url(keys["http"]) if "http" in keys else "",
        environ=_texts(keys["environ"]) if "environ" in keys else {},
        headers=_headers(keys["headers"]) if "headers" in keys else {},
        settings=read_mapping(keys["settings"]) if "settings" in keys else {},
        fingerprint=read_mapping(keys["fingerprint"]) if "fingerprint" in keys else {},
    )


def _command(node: Node) -> tuple[str, ...]:
    found = tuple(item.text() for item in node.items())
    if not found or not found[0] or any("\0" in part for part in found):
        raise node.error("no command", "write a list: [python, agent.py]")
    return found


def _url(node: Node) -> str:
    text = node.text()
    try:
        parts = urlsplit(text)
        odd = parts.scheme not in ("http", "https") or not parts.hostname or not text.isascii() or " " in text
        carries = bool(parts.username or parts.password)
        parts.port  # noqa: B018 - it is checked when it is read
    except ValueError:
        odd, carries = True, False
    if odd or not text.isprintable():
        raise node.error(f"found {node.shown}", "write http://host:port/path")
    if carries:
        raise node.error("carries a name or a password", "put it into headers, from a variable: $NAME")
    return text


def _texts(node: Node) -> dict[str, str]:
    found = {key: inner.text() for key, inner in node.mapping().items()}
    for key, inner in node.mapping().items():
        if not key or "=" in key or "\0" in key or "\0" in found[key]:
            raise inner.error(f"found variable {key[:60]!r}", "write NAME: text")
    return found


def _headers(node: Node) -> dict[str, str]:
    found = node.mapping()
    for key, inner in found.items():
        value = inner.text()
        if not _HEADER.match(key) or not value.isprintable() or not value.isascii():
            raise inner.error(f"found header {key[:60]!r}", "write Name: text, of printable ASCII")
        if key.lower() in _SECRET and not value.startswith("$"):
            raise inner.error(
                f"'{key}' stands here with its secret", "write $NAME, a variable of the environment"
            )
    return {key: inner.text() for key, inner in found.items()}


def read_mapping(node: Node) -> dict[str, Json]:
    """The mapping at *node*, of any JSON values."""
    node.mapping()
    found: dict[str, Json] = value_of(node)
    return found


def read_world(node: Node | None, functions: Functions) -> Rule | None:
    """`world:`: a Python factory, or declared answers."""
    if node is None:
        return None
    keys = node.keys(("python", "answers"))
    if len(keys) != 1:
        raise node.error(f"found {', '.join(keys) or 'none'} of python, answers", "write exactly one")
    if "python" in keys:
        functions.check(keys["python"])
        return Rule("world", "python", {"python": keys["python"].text()}, keys["python"].where)
    read_answers(keys["answers"])
    return Rule("world", "answers", {"answers": value_of(keys["answers"])}, keys["answers"].where)


def read_run(node: Node | None) -> RunSettings:
    """`run:`."""
    if node is None:
        return RunSettings()
    keys = node.keys(("concurrency", "retries", "max_infrastructure", "holds"))
    default = RunSettings()
    share = (
        keys["max_infrastructure"].number(0) if "max_infrastructure" in keys else default.max_infrastructure
    )
    if share > 1:
        raise keys["max_infrastructure"].error(f"found {share}", "write a share from 0 to 1")
    return RunSettings(
        concurrency=whole(keys, "concurrency", 1, MOST_CONCURRENCY, default.concurrency),
        retries=whole(keys, "retries", 0, MOST_RETRIES, default.retries),
        max_infrastructure=float(share),
        holds=keys["holds"].choice(("refuse", "grant")) if "holds" in keys else default.holds,
    )


def read_design(node: Node | None, gates: tuple[Rule, ...], max_infrastructure: float) -> Design:
    """`design:`; fixed with 5 epochs where there is none."""
    default = Design()
    if node is None:
        return Design(gates=gates, max_infrastructure=max_infrastructure)
    keys = node.keys(("fixed", "sequential", "seed", "question"))
    if "fixed" in keys and "sequential" in keys:
        raise node.error("found fixed and sequential", "write one of them")
    fixed = keys["fixed"].keys(("epochs",)) if "fixed" in keys else {}
    drawn = keys["sequential"].keys(("max_trials",)) if "sequential" in keys else {}
    return Design(
        kind="sequential" if "sequential" in keys else "fixed",
        epochs=whole(fixed, "epochs", 1, MOST_EPOCHS, default.epochs),
        max_trials=whole(drawn, "max_trials", 1, MOST_TRIALS, default.max_trials),
        seed=whole(keys, "seed", 0, 2**53 - 1, default.seed),
        question=Question(keys["question"].choice(tuple(Question)))
        if "question" in keys
        else default.question,
        gates=gates,
        max_infrastructure=max_infrastructure,
    )


def whole(keys: Mapping[str, Node], key: str, least: int, most: int, default: int) -> int:
    """A whole number from *least* to *most*."""
    if key not in keys:
        return default
    found = int(keys[key].number(least, integer=True))
    if found > most:
        raise keys[key].error(f"found {found}", f"at most {most:,}")
    return found
