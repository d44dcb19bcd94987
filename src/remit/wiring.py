"""The one place where concrete things are built and joined."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remit.core.envelope import Envelope
from remit.core.errors import BadInput, Unavailable
from remit.core.trial.apart import RESERVED
from remit.settings import Settings, load_settings
from remit.usecases.envelope_file import read_envelope_file, read_text

if TYPE_CHECKING:
    from remit.core.change import Change
    from remit.core.classify.case import Case
    from remit.core.classify.known import Opinion
    from remit.core.delivery import Delivery
    from remit.core.routes import RouteSettings
    from remit.ports import Target
    from remit.sinks.form import Sink
    from remit.store.filing import Filing
    from remit.store.sqlite import SqliteStore
    from remit.store.trial_book import TrialBook
    from remit.usecases.deliver import Deliverers
    from remit.usecases.drift import DriftWatch
    from remit.usecases.guard import Guard
    from remit.usecases.routes_file import Routes
    from remit.usecases.triage import Desk, Triage
    from remit.usecases.trials.loaded import LoadedSuite
    from remit.usecases.trials.running import TrialRunning
    from remit.usecases.worker import Worker

log = logging.getLogger("remit.wiring")

IN_PROCESS = 0.2
"""Share of the time that the worker takes in a guard's own process."""

__all__ = [
    "build_sink",
    "desk_of",
    "drift_watch_of",
    "filing_of",
    "load_routes",
    "open_guard",
    "opinions_of",
    "open_routes",
    "open_store",
    "read_envelope_file",
    "read_text",
    "start_delivery",
    "start_worker",
    "store_path",
    "target_of",
    "triage_of",
    "trial_book_of",
    "trial_running_of",
]


def open_guard(
    envelope: str | Path | Envelope,
    store: str | None = None,
    *,
    tenant: str = "default",
    agent_version: str = "",
    approval_wait_s: float | None = None,
    async_approval_wait_s: float = 0.0,
    allow_volatile: bool = False,
    single_operator: bool = False,
    reload_every_s: float | None = None,
    classify: bool = False,
    settings: Settings | None = None,
) -> Guard:
    """Stand in front of one agent's tools.

    Args:
        envelope: the path of its YAML file, or an envelope that was loaded.
        store: `sqlite:///file.db` (relative), `sqlite:////absolute.db`, or `memory:` for tests.
        tenant: whose agent this is.
        agent_version: tells versions of one agent apart for the breaker.
        approval_wait_s: how long a blocking call waits for a person; default from the settings, 30.
        async_approval_wait_s: the same for `acall`.
        allow_volatile: let effects run on `memory:`, which leaves no record.
        single_operator: a new store takes answers to approvals without a signature; every record shows it.
        reload_every_s: watch the envelope's file, and put it in force when it changed (`Guard.follow`).
        classify: also classify what is captured, file incidents and have the teams told, in a thread of this process that
            leaves most of the time to the guard. For a fleet, run `remit classify --follow` instead.
        settings: instead of the environment and TOML.

    Raises:
        BadInput: the envelope, the store's address or a setting is malformed.
        Unavailable: the store cannot be opened.
    """
    from remit.core.redact import Redactor
    from remit.store.records import SqliteRecords
    from remit.usecases.clock import SystemClock, Uuid7
    from remit.usecases.guard import Guard

    settings = settings or load_settings()
    if str(tenant).startswith(RESERVED):
        raise BadInput(
            "open(tenant)", f"found {tenant[:60]!r}", f"{RESERVED!r} begins the tenants of trials only"
        )
    if not isinstance(envelope, str | Path | Envelope):
        raise BadInput("open(envelope)", f"found {type(envelope).__name__}", "pass the path of its YAML file")
    if store is not None and not isinstance(store, str):
        raise BadInput(
            "open(store)", f"found {type(store).__name__}", "pass an address such as sqlite:///remit.db"
        )
    loaded = envelope if isinstance(envelope, Envelope) else read_envelope_file(Path(envelope))
    opened = open_store(store or settings.store, settings, single_operator=single_operator)
    threads: list[Any] = []

    def close() -> None:
        try:
            for thread in reversed(threads):
                thread.close()
        finally:
            opened.close()

    try:
        records = SqliteRecords(opened)
        if (deliverer := start_delivery(opened, settings)) is not None:
            threads.append(deliverer)
        if classify and (worker := _worker_of_guard(opened, settings)) is not None:
            threads.append(worker)
        guard = Guard(
            loaded,
            records,
            clock=SystemClock(),
            ids=Uuid7(),
            redactor=Redactor(opened.derive("redact"), loaded.capture.mask),
            tenant=tenant,
            agent_version=agent_version,
            approval_wait_s=settings.approval_wait_s if approval_wait_s is None else approval_wait_s,
            async_approval_wait_s=async_approval_wait_s,
            allow_volatile=allow_volatile,
            on_close=close,
            path=None if isinstance(envelope, Envelope) else Path(envelope),
        )
        guard._adopt(loaded)
        if reload_every_s is not None:
            guard.follow(reload_every_s)
    except BaseException:
        close()  # the threads, too: they would go on with a store that is closed
        raise
    return guard


def store_path(address: str) -> Path | None:
    """The file that a store's address names; None for `memory:`.

    Raises:
        BadInput: an address of another form.
    """
    if address == "memory:":
        return None
    if address.startswith("sqlite:///") and len(address) > len("sqlite:///"):
        return Path(address.removeprefix("sqlite:///")).expanduser()
    if address.startswith(("postgresql://", "postgres://")):
        raise BadInput("store", "PostgreSQL is not supported in this version", "use sqlite:///remit.db")
    raise BadInput(
        "store", f"found {address[:60]!r}", "use sqlite:///remit.db, sqlite:////absolute/path.db or memory:"
    )


def open_store(
    address: str, settings: Settings, *, create: bool = True, single_operator: bool = False
) -> SqliteStore:
    """The store at *address*, with the tables of journal, breaker, limits, approvals and outbox.

    Raises:
        BadInput: malformed address, not a store, or not there and *create* is false.
        Unavailable: it cannot be reached.
    """
    from remit.store.records import EXTENSIONS
    from remit.store.sqlite import SqliteStore

    path = store_path(address)
    if path is None and not create:
        told = "a store in memory ends with its process, and this is another one"
        raise BadInput(address, told, "give --store sqlite:///file.db, or set REMIT_STORE")
    if path is not None and not create and not path.exists():
        raise BadInput(str(path), "no such store", "give --store, or set REMIT_STORE")
    try:
        return SqliteStore.open(
            path,
            home=settings.home_path,
            create=create,
            single_operator=single_operator,
            extensions=EXTENSIONS,
        )
    except PermissionError as error:
        raise Unavailable(f"{path}: {error.strerror}") from None


def start_delivery(store: SqliteStore, settings: Settings) -> Any:
    """The thread that delivers the outbox to the webhook, or None where no webhook is set."""
    if not settings.webhook_url:
        return None
    from remit.sinks.webhook import Webhook
    from remit.store.outbox import SqliteOutbox
    from remit.usecases.deliver import Deliverer

    sink = Webhook(settings.webhook_url, settings.webhook_secret)
    return Deliverer(SqliteOutbox(store), sink).start()


def filing_of(settings: Settings, change_of: Callable[[str], Change | None] | None = None) -> Filing:
    """How incidents are written and told, by the routes that are set.

    Raises:
        BadInput: the file of routes is wrong.
    """
    from remit.store.filing import Filing

    found = load_routes(settings)
    filing = Filing(found.routes, owners=found.owners)
    return filing if change_of is None else replace(filing, change_of=change_of)


def triage_of(store: SqliteStore, settings: Settings) -> Triage:
    """What classifies the anomalies of a store, files them under incidents, and has the teams told.

    Raises:
        BadInput: the file of routes is wrong.
    """
    return desk_of(store, settings).triage


def desk_of(store: SqliteStore, settings: Settings) -> Desk:
    """Everything that works on what a store captured: it classifies, watches, files and tells.

    Raises:
        BadInput: the file of routes is wrong.
    """
    from remit.store.drift_rows import SqliteDriftBook
    from remit.store.incident_feed import IncidentFeed
    from remit.store.triage_work import SqliteTriageWork
    from remit.usecases.change_watch import ChangeWatch
    from remit.usecases.drift import DriftWatch
    from remit.usecases.triage import Desk, Triage

    book, due = SqliteDriftBook(store), SqliteTriageWork(store)
    opinions = opinions_of(settings)
    changes = ChangeWatch(DriftWatch(book, store.wall_clock), book, due, opinions)
    filing = filing_of(settings, changes.change)
    triage = Triage(SqliteTriageWork(store, filing.file), changes.known, learned=changes.learned)
    deliverers = open_routes(store, filing.routes)
    return Desk(triage, changes, IncidentFeed(store, filing.tell), deliverers)


def opinions_of(settings: Settings) -> Callable[[Case], tuple[Opinion, ...]]:
    """What the detectors and the embedder say that are set; nothing where none is.

    Raises:
        BadInput: one cannot be loaded.
    """
    if not settings.detectors and not settings.embedder:
        return lambda _case: ()
    from remit.usecases.opinions import opinions_of as loaded

    return loaded(settings.detectors, settings.embedder) or (lambda _case: ())


def _worker_of_guard(store: SqliteStore, settings: Settings) -> Worker | None:
    """The worker beside a guard; None where a file that only it reads is wrong, which must not stop what captures.

    Without it nothing is classified, so that nobody misses what they would have been told: another worker makes it up.
    """
    try:
        return start_worker(store, settings, share=IN_PROCESS)
    except BadInput as error:
        log.error("nothing is classified here, and nobody is told: %s", error)  # noqa: TRY400 - no defect of ours
        return None


def start_worker(store: SqliteStore, settings: Settings, share: float = 0.5) -> Worker:
    """The threads that work on what is captured, and go on until they are closed.

    Args:
        share: of the time that may be spent on it while there is something to do.

    Raises:
        BadInput: the file of routes is wrong.
    """
    from remit.usecases.worker import Worker

    desk = desk_of(store, settings)
    return Worker(desk.steps, share=share, beside=desk.beside).start()


def drift_watch_of(
    store: SqliteStore, *, every: float | None = None, idle_s: float | None = None
) -> DriftWatch:
    """What follows the sessions of a store, and writes down what drifted; `watch_once` does one step.

    Args:
        store: open.
        every: sessions of an agent for each false alarm; 5,000.
        idle_s: a session in which nothing happens for so long has ended; six hours.
    """
    from remit.core.drift import EVERY
    from remit.store.drift_rows import SqliteDriftBook
    from remit.usecases.drift import IDLE_S, DriftWatch

    book, clock = SqliteDriftBook(store), store.wall_clock
    return DriftWatch(book, clock, every=every or EVERY, idle_s=IDLE_S if idle_s is None else idle_s)


def load_routes(settings: Settings) -> Routes:
    """By which ways incidents are told; none where no file is set.

    A guard does not read them, so a file that is wrong stops whoever delivers and not what captures.

    Raises:
        BadInput: the file or a route in it is wrong, or a secret is not there.
    """
    from remit.usecases.routes_file import Routes, read_routes

    if not settings.routes:
        return Routes()
    path = Path(settings.routes).expanduser()
    found = read_routes(path)
    return replace(found, routes=tuple(replace(one, repeat_s=_repeat_s(path, one)) for one in found.routes))


def _repeat_s(path: Path, route: RouteSettings) -> float:
    return route.repeat_s or build_sink(route, path).repeat_s


def build_sink(route: RouteSettings, path: Path | None = None) -> Sink:
    """The sink of a route; nothing is connected to.

    Args:
        route: which.
        path: the file that it stands in, for the message.

    Raises:
        BadInput: a setting of it is wrong, or does not go with another.
    """
    from remit.sinks.table import build

    try:
        return build(route)
    except BadInput as error:
        where = f"{path}: {error.where}" if path else error.where
        raise BadInput(where.replace(".target", ".to"), error.found, error.remedy) from None


def open_routes(store: SqliteStore, routes: Sequence[RouteSettings]) -> Deliverers:
    """What delivers to each of the routes; `start` it, or let it `deliver_once`.

    Raises:
        BadInput: a setting of a route is wrong.
    """
    from remit.store.delivery_queue import SqliteRoute
    from remit.usecases.deliver import Deliverer, Deliverers

    for route in routes:
        _apart_from(store, route)
    return Deliverers(
        {
            route.name: Deliverer(SqliteRoute(store, route, routes), _Sending(build_sink(route)))
            for route in routes
        }
    )


def _apart_from(store: SqliteStore, route: RouteSettings) -> None:
    """No message goes into the store's own files: opening and closing one undoes the locks that SQLite holds on it."""
    if store.path is None or not route.target.startswith("file:"):
        return
    file = Path(route.target.removeprefix("file://").removeprefix("file:"))
    if file.name.startswith(store.path.name) and file.parent.resolve() == store.path.parent.resolve():
        raise BadInput(f"routes.{route.name}.to", "is a file of the store itself", "name another file")


def trial_book_of(store: SqliteStore) -> TrialBook:
    """The record of runs in a store."""
    from remit.store.trial_book import TrialBook
    from remit.usecases.clock import Uuid7

    return TrialBook(store, Uuid7())


def target_of(loaded: LoadedSuite, arm: str) -> Target:
    """The agent under test of one arm; nothing is started.

    Raises:
        BadInput: a wrong address, or a header whose variable is not set.
    """
    agent = loaded.suite.arms[arm]
    if agent.command:
        from remit.adapters.target_command import CommandTarget

        return CommandTarget(agent.command, loaded.suite.folder, agent.environ)
    if agent.http:
        from remit.adapters.target_http import HttpTarget

        return HttpTarget(agent.http, agent.headers)
    from remit.adapters.target_python import PythonTarget

    return PythonTarget(loaded.agents[arm])


def trial_running_of(loaded: LoadedSuite, store: SqliteStore, run: str, launch: int) -> TrialRunning:
    """What runs the trials of one run, each in the record of *store*.

    Args:
        loaded: the suite.
        store: open.
        run: its id.
        launch: the how-manieth start of the run this is.

    Raises:
        BadInput: an agent cannot be reached as the suite says.
    """
    from remit.core.redact import Redactor
    from remit.store.trial_records import TrialRecords
    from remit.usecases.clock import SystemClock, Uuid7
    from remit.usecases.trials.governed import GovernedTrials
    from remit.usecases.trials.running import TrialRunning

    envelope = loaded.envelope
    redactor = Redactor(store.derive("redact"), envelope.capture.mask if envelope else ())
    records = TrialRecords(store, grants=loaded.suite.holds == "grant")
    governed = (
        GovernedTrials(envelope, records, clock=SystemClock(), ids=Uuid7(), redactor=redactor)
        if envelope is not None
        else None
    )
    targets = {arm: target_of(loaded, arm) for arm in loaded.suite.arms}
    return TrialRunning(loaded, targets, run, launch, governed, redactor)


class _Sending:
    """A sink, as a deliverer sees it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def send(self, delivery: Delivery) -> None:
        self._sink.send(delivery.alert)
