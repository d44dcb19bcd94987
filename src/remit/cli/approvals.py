"""`remit approvals`: see what is held for people, and answer it.

What is shown is made by remit from the call itself. Words of the agent are marked as its own, and control characters in
them are shown, not sent.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from remit.cli.answering import write_answer
from remit.cli.opened import Opened, StoreOption, opened, seconds, short_ids, span, whole_id
from remit.cli.operator_keys import KeyFile
from remit.cli.output import Output, emit, say, table
from remit.core.approval import ApprovalRecord, ApprovalState, OperatorRefused, Reply, answer_message
from remit.core.classify.classification import Class
from remit.core.classify.told import said
from remit.core.errors import BadInput
from remit.core.event import Event, StoredEvent
from remit.core.notice import instant, visible
from remit.core.types import Json
from remit.store import control_approvals, operators
from remit.store.records import SqliteRecords
from remit.usecases.clock import Uuid7
from remit.usecases.inspect import (
    approval_line,
    approval_view,
    opened_before,
    reasoning_before,
    state_at,
)

app = typer.Typer(add_completion=False, no_args_is_help=True)

Id = Annotated[
    str, typer.Argument(metavar="ID", help="Of the approval, or how it begins.", show_default=False)
]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who answers.", show_default=False)]
DigestOption = Annotated[
    str | None,
    typer.Option(
        "--digest", help="Refuse unless the call's digest, as shown, begins so.", show_default=False
    ),
]


@app.callback()
def approvals() -> None:
    """Answer held calls."""


@app.command("ls")
def list_held(
    everything: Annotated[bool, typer.Option("--all", help="Also what was answered or ended.")] = False,
    agent: Annotated[str | None, typer.Option("--agent", show_default=False)] = None,
    store: StoreOption = None,
) -> int:
    """What waits for a person, oldest first."""
    with opened(store) as at:
        lines = _lines(at, everything=everything, agent=agent)
        if Output.json:
            emit({"approvals": lines})
            return 0
        short = short_ids(at, "approval", [line["id"] for line in lines])
        rows = [
            (
                short[line["id"]],
                _standing(line),
                f"{visible(line['agent'])}: {visible(line['preview'] or '(erased)', 200)}",
                visible(", ".join(line["clauses"])) or "breaker",
                f"{line['approved_by']} of {line['people']}",
            )
            for line in lines
        ]
        empty = "no approvals" if everything else "nothing is held; --all shows what was answered"
        table("", ("id", "state", "would do", "because of", "approved"), rows, empty=empty)
        if any(line["state"] == ApprovalState.PENDING for line in lines):
            say("remit approvals show ID: where its values came from, and who may answer it")
    return 0


@app.command()
def show(approval_id: Id, store: StoreOption = None) -> int:
    """One held call: what it would do, where its values came from, why it is held, who is missing."""
    with opened(store) as at:
        _shown(at, _record(at, approval_id))
    return 0


@app.command()
def approve(
    approval_id: Id,
    note: Annotated[str, typer.Option("--note", help="Kept with the answer.")] = "",
    by: As = None,
    break_glass: Annotated[
        str | None,
        typer.Option(
            "--break-glass", metavar="REASON", help="Alone where more are needed; expires, is reviewed."
        ),
    ] = None,
    digest: DigestOption = None,
    store: StoreOption = None,
) -> int:
    """Let exactly this call run once."""
    reason = note if break_glass is None else break_glass
    return _answer(store, approval_id, Reply.APPROVE, reason, by, digest, break_glass=break_glass is not None)


@app.command()
def reject(
    approval_id: Id,
    note: Annotated[str, typer.Option("--note", help="Why; the agent is told.", show_default=False)],
    by: As = None,
    digest: DigestOption = None,
    store: StoreOption = None,
) -> int:
    """Refuse the call, for the rest of its session."""
    return _answer(store, approval_id, Reply.REJECT, note, by, digest, break_glass=False)


@app.command()
def watch(
    interval: Annotated[float, typer.Option("--interval", min=0.05, help="Seconds between looks.")] = 1.0,
    lasting: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="Stop after this time.", show_default=False),
    ] = None,
    store: StoreOption = None,
) -> int:
    """Show held calls as they come and end, until interrupted."""
    ends = None if lasting is None else time.monotonic() + seconds(lasting, "--for")
    with opened(store) as at:
        if not Output.json:
            say("watching; Ctrl-C ends it")
        known: dict[str, str] = {}
        try:
            while True:
                _tell_news(at, known)
                sys.stdout.flush()
                if ends is not None and time.monotonic() >= ends:
                    return 0
                time.sleep(interval)
        except KeyboardInterrupt:
            return 0


def _tell_news(at: Opened, known: dict[str, str]) -> None:
    """Print what opened or changed since the last look; what had ended before the first is no news."""
    first = not known
    for line in _lines(at, everything=True, agent=None):
        if known.get(line["id"]) == line["state"]:
            continue
        news = (
            line["id"] in known
            or not first
            or line["state"] in (ApprovalState.PENDING, ApprovalState.APPROVED)
        )
        known[line["id"]] = line["state"]
        if news and Output.json:
            emit(line)
        elif news:
            told = f"{visible(line['agent'])}: {visible(line['preview'] or '(erased)', 200)}"
            say(f"{line['id']}  {_standing(line)}  {told}")
    known.setdefault("", "")


def _answer(
    store: str | None,
    prefix: str,
    reply: Reply,
    note: str,
    by: str | None,
    seen: str | None,
    *,
    break_glass: bool,
) -> int:
    with opened(store, telling=True) as at:
        record = _record(at, prefix)
        _shown(at, record, quietly=Output.json)
        if seen is not None and not record.status.digest.startswith(seen.lower()):
            told = f"its digest is {record.status.digest}, not {seen[:80]!r}; look at the call again"
            raise OperatorRefused(record.id, told)
        if (state := state_at(record.status, at.now)) is not ApprovalState.PENDING:
            raise OperatorRefused(
                record.id, f"it is {state.value}, not pending"
            )  # before anybody is asked to sign
        name, signature = _signed(at, record, reply, note, by, break_glass=break_glass)
        write_answer(
            at.store,
            record,
            reply,
            operator=name,
            signature=signature,
            note=note,
            break_glass=break_glass,
        )
        _told(at, record.id, name, signature)
    return 0


def _signed(
    at: Opened, record: ApprovalRecord, reply: Reply, note: str, by: str | None, *, break_glass: bool
) -> tuple[str, bytes | None]:
    """Who answers, and their signature; None where the store asks for none and nobody was named."""
    if at.store.single_operator and by is None:
        return at.who(), None
    name = by or at.settings.operator or only_key(at)
    message = answer_message(
        record.id, record.status.version, record.status.digest, reply, note, break_glass=break_glass
    )
    return name, KeyFile(at.settings.home_path, name).signer()(message)


def only_key(at: Opened) -> str:
    """The one person whose key is on this machine."""
    known = [one.name for one in at.store.read(operators.everyone) if one.removed_at is None]
    here = [name for name in known if KeyFile(at.settings.home_path, name).exists()]
    if len(here) == 1:
        return here[0]
    if not known:
        raise BadInput("--as", "nobody may answer yet", "make a key: remit operator add NAME --role ROLE")
    found = "no key of anybody who may answer is on this machine" if not here else "nobody is named"
    raise BadInput("--as", found, f"give --as NAME, one of {', '.join(here or known)}")


def _told(at: Opened, approval_id: str, name: str, signature: bytes | None) -> None:
    view = _view(at, _record(at, approval_id))
    if Output.json:
        emit({"approval": view})
        return
    if signature is None:
        say(
            f"Single-operator store: taken without a signature, as {visible(name)} says; the record shows that."
        )
    more = view["missing"]["people"]
    match view["state"]:
        case "approved":
            say("Approved. The call runs when the agent makes it again; it is checked once more then.")
        case "pending":
            say(f"Noted. {more} more {'person has' if more == 1 else 'people have'} to approve.")
        case other:
            say(f"It is {other} now.")
    if view["review_needed"]:
        say("One person broke the glass: somebody else has to review it.")


# ---------------------------------------------------------------------------------------------- reading
def _record(at: Opened, prefix: str) -> ApprovalRecord:
    sql = "SELECT id FROM approval WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 6"
    given = prefix.strip()
    found = (
        at.store.read(lambda db: [str(row[0]) for row in db.execute(sql, (len(given), given))])
        if given
        else []
    )
    known = SqliteRecords(at.store).approval(
        whole_id(given, found, "approval", "see `remit approvals ls --all`")
    )
    assert known is not None  # noqa: S101 - approvals are never deleted
    return known


def _lines(at: Opened, *, everything: bool, agent: str | None) -> list[dict[str, Any]]:
    states = tuple(ApprovalState) if everything else (ApprovalState.PENDING, ApprovalState.APPROVED)
    found = at.store.read(lambda db: control_approvals.list_approvals(db, states=states, agent=agent))
    records = SqliteRecords(at.store)
    known = [record for one in found if (record := records.approval(one.id)) is not None]
    lines = [approval_line(record, at.now) for record in known]
    return [line for line in lines if everything or line["state"] != ApprovalState.EXPIRED]


def _view(at: Opened, record: ApprovalRecord, reasoning: Sequence[str] = ()) -> dict[str, Any]:
    known = [(o.name, o.roles) for o in at.store.read(operators.everyone) if o.removed_at is None]
    asked = at.store.event(record.status.event_id)
    return approval_view(
        record, at.now, known, reasoning, began(at, asked.event, asked.seq) if asked else None
    )


def began(at: Opened, event: Event, seq: int) -> StoredEvent | None:
    """How the session of *event* began, or was taken up again before it."""
    if not event.session:
        return None
    kinds = {"session.opened", "session.resumed"}
    return opened_before(at.store.events(event.session, kinds, tenant=event.tenant), seq)


def _shown(at: Opened, record: ApprovalRecord, *, quietly: bool = False) -> None:
    """Print one approval. Its reasoning is read from the journal, and that is recorded."""
    if quietly:
        return
    asked = at.store.event(record.status.event_id)
    observed = at.store.events(record.status.session, {"observed"}, tenant=record.status.tenant)
    reasoning = reasoning_before(e for e in observed if asked is not None and e.seq < asked.seq)
    if reasoning:
        body: dict[str, Json] = {"approval": record.id, "by": at.who()}
        at.store.append_now(Event(Uuid7().new(), "", "reasoning.read", record.status.agent, "", body))
    view = _view(at, record, reasoning)
    view["classification"] = _came_from(at, asked)
    if Output.json:
        emit({"approval": view})
    else:
        _print(view)


def _came_from(at: Opened, asked: StoredEvent | None) -> dict[str, Json] | None:
    """Where a held call came from, by the evidence that there is now; it is shown, and decides nothing."""
    from remit.core.classify.told import classification_body
    from remit.wiring import triage_of

    if asked is None or asked.erased:
        return None
    return classification_body(triage_of(at.store, at.settings).judge_held(asked).found)


# ---------------------------------------------------------------------------------------------- printing
def _standing(line: Mapping[str, Any]) -> str:
    open_ = line["state"] in (ApprovalState.PENDING, ApprovalState.APPROVED)
    return f"{line['state']}, {span(line['expires_in_s'])} left" if open_ else str(line["state"])


def _print(view: Mapping[str, Any]) -> None:
    why = f" ({visible(view['reason'])})" if view["reason"] else ""
    ends = instant(view["expires_at"])
    match view["state"]:
        case ApprovalState.PENDING:
            why += f"; no answer by {ends} means no"
        case ApprovalState.APPROVED:
            why += f"; the call has until {ends} to run"
    say(f"Approval {view['id']}: {_standing(view)}{why}")
    say(f"Agent      {visible(view['agent'])}, session {visible(view['session'])}")
    print_session(view)
    say(f"Would do   {visible(view['preview'] or '(erased)')}")
    say(
        f"Effect     {view['effect']}"
        + ("" if view["effect"] != "irreversible" else ": cannot be taken back")
    )
    for reason in view["reasons"]:
        say(f"Held       {visible(reason)}")
    if view["clauses"]:
        say(f"Clauses    {visible(', '.join(view['clauses']))}")
    print_arguments(view["arguments"])
    for text in view["reasoning"]:
        say(f"The agent's own words, no evidence: {visible(text)}")
    if (came := view["classification"]) is not None:
        say(f"Came from  {said(Class(came['class']), came['confidence'])}; evidence for you, and no answer:")
        for one in came["evidence"][:3]:
            say(f"  {visible(one['told'], 400)}")
    _print_people(view)
    say(f"Digest     {view['digest']}")


def print_session(view: Mapping[str, Any]) -> None:
    """For whom the agent acted, and what was running, as far as somebody told."""
    who = [str(view["principal"])] if view["principal"] else []
    who += [f"{key} {value}" for key, value in view["facts"].items()]
    if who:
        say(f"For        {visible(', '.join(who), 500)}")
    known = view["fingerprint"] or {}
    running = [f"{key} {value}" for key, value in (known.get("runtime") or {}).items() if value]
    running += [f"{key} {_short(known[key])}" for key in _RUNNING if known.get(key)]
    if running:
        say(f"Running    {visible(', '.join(running), 1000)}")


_RUNNING = ("model", "prompt", "tools", "envelope", "config", "code")


def _short(value: str) -> str:
    """A hash as people compare it; `--json` has it whole."""
    return f"{value[:-52]}…" if re.fullmatch(r"(sha256:)?[0-9a-f]{64}", value) else value


def print_arguments(arguments: Sequence[Mapping[str, Any]]) -> None:
    """A table of argument leaves and where each came from."""
    rows = [(visible(a["path"]), visible(str(a["value"]), 300), _origin(a)) for a in arguments]
    if rows:
        table("", ("argument", "value", "came from"), rows)


def _origin(argument: Mapping[str, Any]) -> str:
    if argument["origins"] is None:
        return "not recorded"
    if argument["exempt"] and not argument["origins"]:
        return "one of the envelope's own values"
    told = [
        f"{o['integrity'].upper()} {visible(o['source'])}: {visible(o['quote'], 160)}"
        for o in argument["origins"]
    ]
    return "\n".join(told) or "NOWHERE: in nothing that remit saw in this session"


def _print_people(view: Mapping[str, Any]) -> None:
    for a in view["answers"]:
        how = "" if a["authenticated"] else ", unsigned"
        glass = ", broke the glass" if a["break_glass"] else ""
        said = f": {visible(a['note'])}" if a["note"] else ""
        say(f"Answered   {visible(a['operator'])} {a['answer']} at {instant(a['at'])}{how}{glass}{said}")
    more = view["missing"]["people"]
    if more:
        roles = f" with role {visible(' or '.join(view['roles']))}" if view["roles"] else ""
        able = visible(", ".join(view["missing"]["could_answer"]))
        who = f" ({able})" if able else ""
        say(f"Missing    {more} {'person' if more == 1 else 'people'}{roles}{who}")
    if view["single_operator"]:
        say("           single-operator store: an answer needs no key, and the record shows that")
