"""What `remit doctor` looks at of the routes: the file, the receivers, what waits, and whether anybody classifies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from remit.cli.canaries import Check
from remit.cli.opened import span
from remit.cli.output import counted
from remit.core.errors import RemitError
from remit.core.notice import visible
from remit.settings import Settings
from remit.wiring import build_sink, load_routes

if TYPE_CHECKING:
    from remit.store.route_view import RouteView
    from remit.store.sqlite import SqliteStore

LATE_S = 900.0
"""How long a message or an anomaly may wait before somebody should look."""


def of_routes(settings: Settings) -> Iterator[Check]:
    """The file of routes, and whether each receiver can be reached."""
    if not settings.routes:
        told = "none is set: incidents are seen only by whoever looks"
        yield Check("routes", True, "info", told, "set REMIT_ROUTES to a file of routes")
        return
    try:
        found = load_routes(settings)
    except RemitError as error:
        yield Check("routes", False, "fail", str(error), "mend it: until then nobody is told of incidents")
        return
    yield Check(
        "routes",
        True,
        "fail",
        f"{settings.routes}: {counted(len(found.routes), 'route')}, the secrets are there",
    )
    for warning in found.warnings:
        yield Check("routes", False, "warn", warning, "add a route for it, if it is not meant so")
    for route in found.routes:
        name = f"route {route.name}"
        try:
            yield Check(name, True, "fail", f"reached {visible(build_sink(route).probe(), 200)}")
        except RemitError as error:
            remedy = f"mend it, then `remit routes test {route.name}`; messages wait until then"
            yield Check(name, False, "fail", visible(str(error)), remedy)


def of_deliveries(store: SqliteStore, settings: Settings) -> Iterator[Check]:
    """What waits for the routes, and what was given up."""
    from remit.store.route_view import views

    try:
        known = load_routes(settings).routes
    except RemitError:
        known = ()
    now = time.time()
    for view in store.read(lambda db: views(db, known, now)):
        if view.waiting or view.given_up:
            yield _of_route(view, now, known=any(route.name == view.state.route for route in known))


def _of_route(view: RouteView, now: float, *, known: bool) -> Check:
    name, late = view.state.route, view.oldest_at is not None and now - view.oldest_at > LATE_S
    told = f"{counted(view.waiting, 'message')} to be delivered"
    if view.oldest_at is not None:
        told += f", the oldest for {span(max(0.0, now - view.oldest_at))}"
    if view.given_up:
        told += f"; {counted(view.given_up, 'message')} given up: {visible(view.last_given_up, 200)}"
    if view.state.last_error:
        told += f"; the last error: {visible(view.state.last_error, 200)}"
    remedy = f"see `remit routes ls`; `remit routes test {name}`, `remit routes retry {name}`"
    if not known:
        told, remedy = f"{told}; it is not in the file any more", "put it back into the file of routes"
    return Check(f"route {name}: backlog", known and not late and not view.given_up, "warn", told, remedy)


def of_triage(store: SqliteStore) -> Iterator[Check]:
    """Whether what is captured is classified, by whoever should."""
    from remit.store.triage import backlog

    waiting, oldest_at = store.read(backlog)
    if oldest_at is None:
        return
    waits_s = max(0.0, time.time() - oldest_at)
    told = f"not classified yet: {waiting} of the anomalies, the oldest for {span(waits_s)}"
    yield Check(
        "classification", waits_s <= LATE_S, "warn", told, "run `remit classify --follow` as a service"
    )
