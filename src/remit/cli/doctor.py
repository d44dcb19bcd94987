"""`remit doctor`: prove with live canaries that enforcement works here, and say what it does not protect against."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from remit.cli.canaries import Check, run_canaries
from remit.cli.doctor_adapters import DoctorAdapter, DoctorRequest
from remit.cli.doctor_adapters import checks as of_adapters
from remit.cli.looks_routes import of_deliveries, of_routes, of_triage
from remit.cli.opened import StoreOption
from remit.cli.output import Output, emit, say, table
from remit.core.envelope import Envelope
from remit.core.errors import RemitError
from remit.core.notice import instant, visible
from remit.core.types import Enforcement
from remit.settings import Settings, load_settings
from remit.wiring import open_store, read_envelope_file, store_path

if TYPE_CHECKING:
    from remit.store.sqlite import SqliteStore

app = typer.Typer(add_completion=False)

_YEAR_2025 = 1_735_689_600.0
_SESSIONS_LOOKED_AT = 500
_SHORT_SECRET = 16
_MOST_GAPS = 20


@app.command()
def doctor(
    envelope: Annotated[
        Path | None, typer.Option("--envelope", help="The agent's.", show_default=False)
    ] = None,
    store: StoreOption = None,
    adapter: Annotated[
        list[DoctorAdapter] | None,
        typer.Option(
            "--adapter", help="Try this adapter too; default: those in use here.", show_default=False
        ),
    ] = None,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Start the configured MCP servers, and compare their tools.")
    ] = False,
) -> int:
    """Try what must not happen, look at what holds it up, and exit 1 where something fails."""
    settings = load_settings()
    loaded = None if envelope is None else read_envelope_file(envelope)
    asked = DoctorRequest(Path.cwd(), settings, loaded, start_servers=mcp)
    checks = [
        *run_canaries(loaded, settings),
        *of_adapters(adapter or (), asked),
        *look(settings, store or settings.store, loaded),
    ]
    if Output.json:
        emit({"checks": [asdict(check) for check in checks], "ok": not any(map(_fails, checks))})
    else:
        rows = [(_mark(c), visible(c.name), visible(c.told, 1000), visible(_advice(c), 1000)) for c in checks]
        table("", ("", "check", "found", "what to do"), rows)
        failing, warning = sum(map(_fails, checks)), sum(not c.ok and not _fails(c) for c in checks)
        say(f"{len(checks)} checks, {failing} failed, {warning} to look at.")
    return 1 if any(map(_fails, checks)) else 0


def _fails(check: Check) -> bool:
    return not check.ok and check.level == "fail"


def _advice(check: Check) -> str:
    """What to do; nothing where all is well."""
    return "" if check.ok and check.level != "info" else check.remedy


def _mark(check: Check) -> str:
    if check.ok:
        return "note" if check.level == "info" else "ok"
    return "FAILED" if _fails(check) else "look"


def look(settings: Settings, address: str, envelope: Envelope | None) -> Iterator[Check]:
    """Everything that is looked at without a canary."""
    yield _mediation()
    yield from _of_envelope(envelope)
    yield from _of_webhook(settings)
    yield from of_routes(settings)
    path = store_path(address)
    if path is None or not path.exists():
        told = "in memory: nothing survives the process" if path is None else f"{path} is not there yet"
        yield Check("store", False, "warn", told, "run an agent first, or give --store")
        return
    try:
        with open_store(address, settings, create=False) as store:
            yield from _of_store(store, settings, path, envelope)
    except RemitError as error:
        yield Check("store", False, "fail", str(error), "mend what it says; no effect runs until then")


def _mediation() -> Check:
    told = "remit stands in the agent's own process: code that calls a tool past it is not stopped"
    return Check(
        "mediation", True, "info", told, "keep the tools' credentials where only guarded calls reach them"
    )


# ---------------------------------------------------------------------------------------------- envelope
def _of_envelope(envelope: Envelope | None) -> Iterator[Check]:
    if envelope is None:
        return
    monitoring = envelope.enforcement is Enforcement.MONITOR
    told = "only monitors: it blocks nothing" if monitoring else "enforces"
    yield Check("enforcement", not monitoring, "warn", told, "set enforcement: enforce" if monitoring else "")
    for warning in envelope.warnings:
        yield Check("envelope", False, "warn", warning, "see `remit envelope lint`")


def _asks_for_the_user(envelope: Envelope) -> bool:
    """Whether a flow clause depends on whose words the user's text is."""
    flows = [flow for tool in envelope.tools.values() for flow in tool.flow]
    return any(flow.integrity is not None or "user" in flow.sources for flow in flows)


def _of_principals(store: SqliteStore, envelope: Envelope | None) -> Iterator[Check]:
    if envelope is None or not _asks_for_the_user(envelope):
        return
    kinds: list[object] = []
    for stored in store.events(kinds={"session.opened"}, trials=False):
        if stored.event.agent == envelope.name and not stored.erased:
            kinds = [*kinds[-_SESSIONS_LOOKED_AT + 1 :], stored.event.body.get("principal_kind")]
    without = sum(kind is None for kind in kinds)
    told = f"{without} of the last {len(kinds)} sessions did not say whose words the user's text is"
    remedy = "pass principal_kind='operator' or 'customer' to guard.session; flow clauses ask for it"
    yield Check("principal kind", not without, "warn", told, remedy if without else "")


# ---------------------------------------------------------------------------------------------- webhook
def _of_webhook(settings: Settings) -> Iterator[Check]:
    if not settings.webhook_url:
        told = "none is set: held calls and trips are seen only by whoever looks"
        yield Check("webhook", True, "info", told, "set REMIT_WEBHOOK_URL and REMIT_WEBHOOK_SECRET")
        return
    from remit.sinks.webhook import Webhook

    try:
        hook = Webhook(settings.webhook_url, settings.webhook_secret)
        yield Check("webhook", True, "fail", f"{hook.origin} was reached at {hook.probe()}")
    except RemitError as error:
        yield Check("webhook", False, "fail", str(error), "mend the address; notices wait until then")
    if len(settings.webhook_secret) < _SHORT_SECRET:
        told = f"the webhook's secret has {len(settings.webhook_secret)} characters"
        yield Check("webhook secret", False, "warn", told, f"take {_SHORT_SECRET} random ones or more")


# ---------------------------------------------------------------------------------------------- store
def _of_store(
    store: SqliteStore, settings: Settings, path: Path, envelope: Envelope | None
) -> Iterator[Check]:
    looks: tuple[Callable[[], Iterator[Check]], ...] = (
        lambda: _of_durability(store),
        lambda: _of_clock(store),
        lambda: _of_checkpoints(settings, path),
        lambda: _of_people(store, envelope),
        lambda: _of_principals(store, envelope),
        lambda: _of_gaps(store),
        lambda: _of_outbox(store),
        lambda: of_triage(store),
        lambda: of_deliveries(store, settings),
    )
    if path.stat().st_mode & 0o077:
        told = f"others than its owner may read {path}: names and times in it, and they may hold a lock on it"
        yield Check("store", False, "warn", told, f"chmod 600 {path} {path}-wal {path}-shm")
    for warning in store.warnings:
        yield Check("store", False, "warn", warning, "mend it: keys and locks depend on it")
    for one in looks:
        yield from one()


def _of_durability(store: SqliteStore) -> Iterator[Check]:
    import apsw

    found = store.transact_now(
        lambda tx: (tx.connection.pragma("synchronous"), str(tx.connection.pragma("journal_mode")))
    )
    told = f"SQLite {apsw.sqlite_lib_version()}, synchronous={found[0]} (2 is FULL), journal_mode={found[1]}"
    yield Check("durability", found == (2, "wal"), "fail", told, "put the store on a local disk")
    capturing = store.state.value == "ok"
    yield Check(
        "capture",
        capturing,
        "fail",
        f"the store's state is {store.state.value}",
        "see `remit journal verify`",
    )


def _of_clock(store: SqliteStore) -> Iterator[Check]:
    from remit.store.control_rows import only

    last: float = store.read(lambda db: only(db, "SELECT at FROM head"))[0]
    now = time.time()
    if now < _YEAR_2025:
        yield Check(
            "clock", False, "fail", f"it says {instant(now)}", "set it; approvals and limits depend on it"
        )
        return
    back = last - now
    told = f"the store has seen {instant(last)}, it is {instant(now)} now"
    yield Check(
        "clock", back < 1.0, "warn", told, "" if back < 1.0 else "the clock was set back; see to its service"
    )


def _of_checkpoints(settings: Settings, path: Path) -> Iterator[Check]:
    home = settings.home_path
    if home.resolve().is_relative_to(path.resolve().parent):
        told = f"keys and checkpoints are in {home}, below the folder of the database"
        yield Check(
            "checkpoints", False, "warn", told, "set REMIT_HOME to another disk: who takes one takes both"
        )
    elif _device(home) == _device(path.parent):
        told = f"{home} is on the file system of the database: one fault, or one intruder, reaches both"
        yield Check(
            "checkpoints", False, "warn", told, "set REMIT_HOME to another disk, or copy checkpoints away"
        )
    else:
        yield Check("checkpoints", True, "warn", f"{home} is on another file system than the database")
    told = (
        "whoever owns this service before an event is written can write a false one; no checkpoint shows that"
    )
    yield Check("tamper evidence", True, "info", told, "copy checkpoints where the service cannot write")


def _device(path: Path) -> int | None:
    try:
        return os.stat(path).st_dev  # noqa: PTH116 - of a folder that may be missing
    except OSError:
        return None


def _of_people(store: SqliteStore, envelope: Envelope | None) -> Iterator[Check]:
    from remit.store import operators

    if store.single_operator:
        told = "the store takes answers without a signature: nobody can say who gave them"
        yield Check(
            "operators", False, "warn", told, "make a store without single_operator, and `remit operator add`"
        )
        return
    known = [one for one in store.read(operators.everyone) if one.removed_at is None]
    if not known:
        told = "nobody may answer: every held call expires"
        yield Check("operators", False, "warn", told, "remit operator add NAME --role ROLE")
        return
    yield Check("operators", True, "warn", f"{len(known)} may answer")
    held = {
        role for role in (envelope.roles if envelope else ()) if not any(role in one.roles for one in known)
    }
    if held:
        told = f"nobody has the role {', '.join(sorted(held))}, which the envelope asks for"
        yield Check("roles", False, "warn", told, "remit operator add NAME --role ROLE")


def _of_gaps(store: SqliteStore) -> Iterator[Check]:
    """Tools that ran where remit sees nothing, as the adapters recorded them."""
    found: dict[str, str] = {}
    for stored in store.events(kinds={"coverage.gap"}):
        if not stored.erased:
            body, agent = stored.event.body, stored.event.agent
            found[f"{body.get('tool')} ({agent}, {body.get('host')})"] = str(body.get("found", ""))
    if found:
        told = (
            f"not governed: {'; '.join(f'{name}: {why}' for name, why in list(found.items())[-_MOST_GAPS:])}"
        )
        yield Check("coverage", False, "warn", told, "give the agent tools of its own for it, or none")


def _of_outbox(store: SqliteStore) -> Iterator[Check]:
    from remit.store.outbox import SqliteOutbox

    box = SqliteOutbox(store)
    counts = box.counts()
    waiting, dead = counts["waiting"] + counts["claimed"], counts["dead"]
    told = f"{waiting} notices wait, {dead} could not be delivered in time"
    if dead:
        told += f"; the last: {box.rows('dead')[-1].last_error}"
    yield Check(
        "notices", not dead, "warn", told, "see `remit approvals ls` and `remit breaker ls`" if dead else ""
    )
