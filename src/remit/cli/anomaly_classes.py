"""Where an anomaly came from, as `remit anomalies` shows it; and `label`, by which people say so themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from remit.cli.opened import Opened, StoreOption, opened
from remit.cli.output import Output, emit, say, table
from remit.core.classify.classification import Class
from remit.core.classify.told import said
from remit.core.errors import BadInput
from remit.core.event import StoredEvent
from remit.core.notice import instant, visible
from remit.core.types import Json
from remit.store.triage import CLASSIFIED, LABELLED, TriageRow, row_of, rows_of

NOT_YET: dict[str, Json] = {"class": None, "confidence": None, "deliver_to": [], "labelled_by": None}


def classes_of(at: Opened, seqs: Sequence[int]) -> dict[int, dict[str, Json]]:
    """What each anomaly is classified as, by sequence; nulls where nobody has looked."""
    rows = at.store.read(lambda db: rows_of(db, seqs))
    return {seq: _class(rows[seq]) if seq in rows else NOT_YET for seq in seqs}


def _class(row: TriageRow) -> dict[str, Json]:
    return {
        "class": row.stands.value,
        "confidence": round(row.confidence, 4),
        "deliver_to": list(row.deliver_to),
        "labelled_by": row.labelled_by or None,
    }


def classification_of(at: Opened, stored: StoredEvent) -> dict[str, Json]:
    """The latest class of one anomaly with its evidence, and the history of it."""
    events = at.store.events(stored.event.session, {CLASSIFIED, LABELLED}, tenant=stored.event.tenant)
    told = [one for one in events if not one.erased and one.event.body.get("anomaly_id") == stored.event.id]
    said = [one.event.body for one in told if one.event.kind == CLASSIFIED]
    row = at.store.read(lambda db: row_of(db, stored.seq))
    return {
        **(_class(row) if row is not None else NOT_YET),
        "latest": dict(said[-1]) if said else None,
        "history": [_line(one) for one in told],
    }


def _line(stored: StoredEvent) -> dict[str, Json]:
    body = stored.event.body
    return {
        "at": stored.at,
        "class": body.get("class"),
        "confidence": body.get("confidence"),
        "by": body.get("by") or "classifier",
        "why": body.get("why") or body.get("note") or "",
    }


def print_classification(found: Mapping[str, Any]) -> None:
    """The class and its evidence, for people."""
    if found["class"] is None:
        say("Class      nobody has looked at it yet: remit classify")
        return
    by = found["labelled_by"]
    told = f"{found['class']}, says {visible(by)}" if by else said(Class(found["class"]), found["confidence"])
    to = ", ".join(found["deliver_to"])
    say(f"Class      {told}{f'; for {to}' if to else ''}")
    latest = found["latest"] or {}
    rows = [
        (visible(e["kind"]), e["towards"] or "-", visible(e["told"], 600)) for e in latest.get("evidence", ())
    ]
    if rows:
        table("Evidence", ("kind", "towards", "found"), rows)
    for one in latest.get("missing", ()):
        say(f"Not known  {visible(str(one), 300)}")
    if len(found["history"]) > 1:
        history = [
            (instant(h["at"]), h["class"], visible(h["by"]), visible(h["why"])) for h in found["history"]
        ]
        table("What it was classified as", ("at", "class", "by", "why"), history)


def label_anomaly(
    anomaly_id: Annotated[
        str, typer.Argument(metavar="ID", help="Of the anomaly, or how it begins.", show_default=False)
    ],
    label: Annotated[
        str, typer.Argument(metavar="CLASS", help="security, sre, both or undetermined.", show_default=False)
    ],
    note: Annotated[str, typer.Option("--note", help="Why; kept with the label.")] = "",
    by: Annotated[
        str | None, typer.Option("--by", "--as", help="Who says so; default: the operator.")
    ] = None,
    store: StoreOption = None,
) -> int:
    """Say where an anomaly came from. It routes from now on, and measures the classifier, which learns nothing by it."""
    from remit.cli.anomalies import found_by
    from remit.wiring import triage_of

    if label not in tuple(Class):
        raise typer.BadParameter(f"CLASS: found {label[:40]!r}, use {', '.join(Class)}")
    with opened(store) as at:
        stored = found_by(at, anomaly_id)
        if stored.erased:
            raise BadInput("anomaly", "its data was erased", "there is nothing left to judge it by")
        who = at.who(by)
        triage_of(at.store, at.settings).label(stored, Class(label), who, note)
        row = at.store.read(lambda db: row_of(db, stored.seq))
        said = row.label.value if row is not None else None
        if Output.json:
            told = {"anomaly_id": stored.event.id, "class": label, "by": who, "classifier": said}
            emit({"label": told})
        else:
            agrees = "so does the classifier" if said == label else f"the classifier says {said}"
            say(f"Anomaly {stored.event.id}: {label}, says {visible(who)}; {agrees}")
    return 0


def export_anomalies(
    agent: Annotated[str | None, typer.Option("--agent", show_default=False)] = None,
    after: Annotated[int, typer.Option("--after", help="Only those after this sequence.", min=0)] = 0,
    trials: Annotated[bool, typer.Option("--trials", help="Also those of trials.")] = False,
    store: StoreOption = None,
) -> int:
    """Anomalies with class and evidence as JSON Lines, oldest first. That they were read is recorded first."""
    from remit.cli.approvals import began
    from remit.core.event import Event
    from remit.usecases.clock import Uuid7
    from remit.usecases.inspect import anomaly_view

    with opened(store) as at:
        body: dict[str, Json] = {"by": at.who(), "agent": agent, "after": after}
        last = at.store.append_now(Event(Uuid7().new(), "", "anomalies.exported", "", "", body))
        for stored in at.store.events(after=after, anomalies_only=True, last=last, trials=trials):
            if agent is None or stored.event.agent == agent:
                view = anomaly_view(stored, opened=began(at, stored.event, stored.seq))
                emit({**view, "classification": classification_of(at, stored)})
    return 0
