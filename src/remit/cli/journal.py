"""`remit journal`: is it as it was written, what does it say, and what may no longer be read."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from remit.cli.opened import StoreOption, opened, span
from remit.cli.output import Output, counted, emit, note, safe, say, table
from remit.core.errors import BadInput
from remit.core.event import Event, StoredEvent
from remit.core.notice import instant, visible
from remit.settings import load_settings
from remit.store.verify import verify as verify_journal
from remit.usecases.clock import Uuid7
from remit.wiring import store_path

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def journal() -> None:
    """Verify, export, erase and expire."""


@app.command()
def verify(store: StoreOption = None) -> int:
    """Compute every hash anew and compare with the signed checkpoints; exit 1 where anything is not as written.

    Only reads, and works beside a service that writes.
    """
    settings = load_settings()
    path = store_path(store or settings.store)
    if path is None:
        raise BadInput("--store", "a store in memory has nothing to verify", "give sqlite:///file.db")
    report = verify_journal(path, settings.home_path)
    if Output.json:
        emit(asdict(report))
        return 0 if report.ok else 1
    if report.ok:
        agree = (
            f"{report.checkpoints} checkpoints agree" if report.checkpoints != 1 else "1 checkpoint agrees"
        )
        say(f"{report.events} events are as they were written; {agree}.")
        say(
            f"After the last checkpoint: {counted(report.unsigned, 'event')}, for which only the chain speaks."
        )
    else:
        bad = "" if report.first_bad_seq is None else f" The first bad event is {report.first_bad_seq}."
        say(f"The journal is not as it was written.{bad}")
        rows = [(visible(p.place), visible(p.found), visible(p.remedy)) for p in report.problems]
        table("", ("where", "found", "what to do"), rows)
    if not report.keys_checked:
        say("The master key was not there: head and data keys could not be checked.")
    return 0 if report.ok else 1


@app.command()
def export(
    session: Annotated[str | None, typer.Option("--session", show_default=False)] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="May be given more than once.", show_default=False)
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", show_default=False)] = None,
    anomalies: Annotated[bool, typer.Option("--anomalies", help="Events with an anomaly only.")] = False,
    store: StoreOption = None,
) -> int:
    """Events as JSON Lines, decrypted, oldest first. That they were read is recorded first."""
    with opened(store) as at:
        filters = {"session": session, "kinds": kind, "tenant": tenant, "anomalies": anomalies}
        body = {"by": at.who(), **filters}
        last = at.store.append_now(Event(Uuid7().new(), "", "journal.exported", "", "", body))
        found = at.store.events(session, kind or None, anomalies_only=anomalies, tenant=tenant)
        for stored in found:
            if stored.seq >= last:
                break
            emit(_line(stored))
    return 0


def _line(stored: StoredEvent) -> dict[str, Any]:
    event = stored.event
    return {
        "seq": stored.seq,
        "at": stored.at,
        "id": event.id,
        "session": event.session,
        "kind": event.kind,
        "agent": event.agent,
        "tenant": event.tenant,
        "envelope": event.envelope,
        "subject": event.subject,
        "body": dict(event.body),
        "blobs": dict(event.blobs),
        "anomaly": None if event.anomaly is None else asdict(event.anomaly),
        "erased": stored.erased,
    }


@app.command()
def checkpoint(store: StoreOption = None) -> int:
    """Sign the journal as it stands. Copy the file away: what an attacker cannot reach, they cannot rewrite."""
    with opened(store) as at:
        signed = at.store.checkpoint()
        folder = at.store.folder
        where = None if folder is None else str(folder / "checkpoints")
        if Output.json:
            told = (
                None
                if signed is None
                else {"size": signed.size, "root": signed.root.hex(), "origin": signed.origin}
            )
            emit({"checkpoint": told, "folder": where})
        elif signed is None:
            say(f"Nothing new to sign. Checkpoints are in {where}.")
        else:
            say(f"Signed {signed.size} events, root {signed.root.hex()}, in {where}.")
    return 0


@app.command()
def erase(
    principal: Annotated[
        str, typer.Option("--principal", metavar="P", help="Whose data.", show_default=False)
    ],
    tenant: Annotated[str, typer.Option("--tenant")] = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: StoreOption = None,
) -> int:
    """Destroy the keys of one principal's data: what they said and what was done for them is unreadable for good.

    All hashes and proofs hold afterwards. Old backups of the database hold the data until they are gone.
    """
    with opened(store) as at:
        if not yes:
            if not sys.stdin.isatty():
                raise BadInput("--yes", "nobody is there to ask", "add --yes; it cannot be undone")
            if not typer.confirm(f"Erase all data of {visible(principal)}? It cannot be undone", err=True):
                return 1
        erased = at.store.erase(principal, tenant=tenant)
        if Output.json:
            emit({"erased": erased})
        elif erased:
            say(
                f"The data of {visible(principal)} cannot be read any more. Delete old backups of the database too."
            )
        else:
            note(f"the journal holds nothing of {safe(principal)} in tenant {safe(tenant)}")
    return 0


@app.command()
def expire(store: StoreOption = None) -> int:
    """Destroy the keys of all that is older than its envelope's `capture.retain` allows, and say what it was.

    A running service does so by itself as it writes; run this where nothing writes for days. Old backups of the
    database hold the data until they are gone. Exit 1 where a key was altered, and so cannot expire.
    """
    with opened(store) as at:
        done = at.store.expire()
    if Output.json:
        emit(asdict(done))
    elif done.periods:
        rows = [(visible(p.tenant), span(p.retain_s), instant(p.until), str(p.keys)) for p in done.periods]
        table("Cannot be read any more", ("tenant", "kept for", "written before", "keys"), rows)
        say("Delete old backups of the database too.")
    else:
        say("Nothing is older than it may become.")
    if done.altered:
        note(f"{done.altered} keys are due and do not open: altered; run `remit journal verify`")
    return 1 if done.altered else 0
