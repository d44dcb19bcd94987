"""`remit check`: decide calls from a file without a store; what a unit test or a reviewer asks."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from remit.cli.output import Output, emit, table
from remit.core.canonical import loads_strict
from remit.core.decide import decide
from remit.core.envelope import Envelope
from remit.core.errors import BadInput
from remit.core.history import DONE, STATES, Caller
from remit.core.labels import label_of
from remit.core.past import Past, Recalled, look_back
from remit.core.prepare import Facts, Prepared, facts_for, prepare
from remit.core.promote import acting, marked
from remit.core.provenance import SessionText
from remit.core.reader_clauses import seconds_of
from remit.core.recollection import Exchange, Recollection
from remit.core.seen import append_facts, append_result
from remit.core.types import Json, PrincipalKind, Role, Segment, ToolCall
from remit.usecases import realpath
from remit.wiring import read_envelope_file

app = typer.Typer(add_completion=False)
MOST_LINE_BYTES = 4_000_000


@app.command()
def check(
    envelope: Annotated[Path, typer.Option(help="The envelope.")],
    calls: Annotated[Path, typer.Option(help="One {tool, args, session?} a line; - for standard input.")],
    state: Annotated[
        Path | None,
        typer.Option(
            help="JSON: {facts?, principal_kind?, user?, observed?: [{source, text}], session_id?, earlier?: [{tool,"
            " args, output?, state?, ago?}]}, for every line."
        ),
    ] = None,
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 when a call gets this: deny, hold (or a refusal), never.")
    ] = "never",
) -> int:
    """Decide each call; one line out per line in. A malformed line gets a deny line."""
    if fail_on not in ("never", "deny", "hold"):
        raise typer.BadParameter(f"--fail-on: found '{fail_on}', use deny, hold or never")
    loaded = read_envelope_file(envelope)
    context = CheckState(loaded, state)
    lines = [_decided(line, at, loaded, context) for at, line in call_lines(calls)]
    if Output.json or not sys.stdout.isatty():
        for line in lines:
            emit(line)
    else:
        rows = [
            (i, ln["result"], ", ".join(ln["clauses"] + ln["flags"]), "; ".join(ln["errors"]))
            for i, ln in enumerate(lines, 1)
        ]
        table("", ("line", "result", "clauses", "errors"), rows, empty="no calls in the file")
    bad = {"never": (), "deny": ("deny",), "hold": ("deny", "hold")}[fail_on]
    return 1 if any(line["result"] in bad for line in lines) else 0


_STATE = ("facts", "principal_kind", "user", "observed", "session_id", "earlier")


class CheckState:
    """What every call of the file is decided on."""

    def __init__(self, envelope: Envelope, path: Path | None) -> None:
        given: dict[str, Any] = {}
        if path is not None:
            given = _state_file(path)
        kind = given.get("principal_kind")
        self.kind = PrincipalKind(kind) if kind else None
        self.facts = given.get("facts") or {}
        self.user = given.get("user") or ""
        self.session_id = given.get("session_id") or ""
        self.observed = [(o["source"], o["text"]) for o in given.get("observed") or []]
        self.envelope = envelope
        self.earlier = [
            _exchange(one, f"{path}: earlier[{at}]", envelope) for at, one in enumerate(_listed(given, path))
        ]

    def recall(self, prepared: Prepared) -> Recalled:
        """What the earlier calls say about one."""
        return Recollection(CALLER, self.earlier).recall(prepared)

    def asked(self, call: Mapping[str, Any]) -> tuple[Facts, Prepared, Past]:
        """What `decide` needs for one {tool, args, session?}."""
        facts = facts_for(self.envelope, call.get("session", self.facts), CALLER)
        promoted = acting(self.envelope, self.session_id) if self.envelope.promoted else None
        prepared = prepare(ToolCall(call["tool"], call["args"]), self.envelope, facts, promoted)
        unused, world = (0,) * len(prepared.claims), realpath.look(prepared, facts)
        return facts, prepared, look_back(prepared, self.text(facts), unused, self.recall(prepared), world)

    def text(self, facts: Facts) -> SessionText:
        """What the session saw before the call."""
        text = SessionText()
        append_facts(text, self.envelope, facts.values)
        if self.user:
            label = label_of(self.envelope, "user", self.kind)
            text.append(Segment(len(text.segments), Role.USER, "user", self.user, label))
        for source, told in self.observed:
            append_result(text, self.envelope, source, told, (), self.kind)
        return text


CALLER = Caller("check", "check")
"""Whose session every line is."""
_EARLIER = ("tool", "args", "output", "state", "ago")


def _listed(given: dict[str, Any], path: Path | None) -> list[Any]:
    earlier = given.get("earlier", [])
    if not isinstance(earlier, list):
        raise BadInput(f"{path}: earlier", "is no list", "write [{tool, args, output}], the oldest first")
    return earlier


def _exchange(one: Any, where: str, envelope: Envelope) -> Exchange:
    """One earlier call of the state, written as in an envelope's tests."""
    if (
        not isinstance(one, dict)
        or not isinstance(one.get("tool"), str)
        or not isinstance(one.get("args"), dict)
    ):
        raise BadInput(where, "is no {tool, args}", "name the tool and its arguments")
    for key in one:
        _known(key, _EARLIER, f"{where}: {key}", "unknown key")
    state = one.get("state", DONE)
    _known(state, STATES, f"{where}: state", f"found {state!r}")
    _known(one["tool"], tuple(envelope.tools), f"{where}: tool", f"found '{one['tool']}'")
    return Exchange(one["tool"], one["args"], one.get("output"), state, _ago(one.get("ago"), where))


def _ago(found: object, where: str) -> float:
    if found is None:
        return 0.0
    seconds = seconds_of(found) if isinstance(found, str) else None
    if seconds is None:
        raise BadInput(f"{where}: ago", f"found {found!r}", "write a duration such as 30s, 15m, 24h or 90d")
    return seconds


def _known(found: object, known: Sequence[str], where: str, what: str) -> None:
    if found in known:
        return
    near = get_close_matches(str(found), known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise BadInput(where, what, f"{hint}known: {', '.join(known)}")


def _state_file(path: Path) -> dict[str, Any]:
    try:
        state: Any = loads_strict(path.read_bytes(), where=str(path))
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}", "check the path") from None
    if not isinstance(state, dict):
        raise BadInput(
            str(path),
            "is no JSON object",
            "write {facts, principal_kind, user, observed, session_id, earlier}",
        )
    for key in state:
        _known(key, _STATE, f"{path}: {key}", "unknown key")
    if state.get("principal_kind") not in (None, *PrincipalKind):
        raise BadInput(
            f"{path}: principal_kind", f"found {state['principal_kind']!r}", "use operator or customer"
        )
    texts = [state.get(key) or "" for key in ("user", "session_id")]
    if not isinstance(state.get("facts") or {}, dict) or not all(isinstance(text, str) for text in texts):
        raise BadInput(str(path), "facts is no object, or user or session_id no string", "mend the types")
    observed = state.get("observed") or []
    if not isinstance(observed, list):
        raise BadInput(f"{path}: observed", "is no list", "write [{source, text}]")
    for at, item in enumerate(observed):
        if (
            not isinstance(item, dict)
            or set(item) != {"source", "text"}
            or not all(isinstance(v, str) for v in item.values())
        ):
            raise BadInput(f"{path}: observed[{at}]", "is no {source, text}", "give both as strings")
    return state


def call_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with its number in the file, blank ones too: one line out per line in."""
    at = 0
    try:
        file = sys.stdin.buffer if str(path) == "-" else path.open("rb")
        with file:
            while line := file.readline(MOST_LINE_BYTES + 1):
                at += 1
                if len(line) > MOST_LINE_BYTES:
                    while (rest := file.readline(MOST_LINE_BYTES)) and not rest.endswith(b"\n"):
                        pass
                yield at, line
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror or error}", "check the path") from None


def _decided(line: bytes, at: int, envelope: Envelope, state: CheckState) -> dict[str, Json]:
    try:
        call = read_call(line, at)
    except BadInput as error:
        return {
            "result": "deny",
            "clauses": ["malformed"],
            "flags": [],
            "errors": [str(error)],
            "canonical": None,
        }
    facts, prepared, past = state.asked(call)
    decision = marked(decide(prepared, envelope, facts, past), envelope, state.session_id)
    told: dict[str, Json] = {
        "result": decision.result.value,
        "clauses": list(decision.clauses),
        "flags": list(decision.flags),
        "errors": list(decision.errors),
        "canonical": decision.canonical,
    }
    if envelope.promoted:
        told["bound"] = list(decision.bound or ())
    return told


def read_call(line: bytes, at: int) -> dict[str, Any]:
    """One call of the file.

    Raises:
        BadInput: it is no {tool, args, session?}.
    """
    if len(line) > MOST_LINE_BYTES:
        raise BadInput(f"line {at}", f"more than {MOST_LINE_BYTES} bytes", "send a reference instead")
    if not line.strip():
        raise BadInput(f"line {at}", "is blank", "write one call a line")
    call: Any = loads_strict(line.strip(), where=f"line {at}")
    if not isinstance(call, dict) or not isinstance(call.get("tool"), str) or "args" not in call:
        raise BadInput(f"line {at}", "is no {tool, args}", "write one call a line")
    if not isinstance(call.get("session", {}), dict):
        raise BadInput(f"line {at}: session", "is no object", "write the session's facts by name")
    return call
