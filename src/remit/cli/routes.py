"""`remit routes`: by which ways incidents are told, what waits on each, and whether it works."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer

from remit.cli.opened import Opened, StoreOption, opened, span
from remit.cli.output import Output, counted, emit, say, table
from remit.core.delivery import Delivery
from remit.core.errors import BadInput
from remit.core.notice import instant, visible
from remit.core.routes import RouteSettings
from remit.settings import load_settings
from remit.sinks.form import Sink
from remit.store.delivery_queue import SqliteRoute
from remit.store.route_view import RouteView, again, views
from remit.wiring import build_sink, load_routes

app = typer.Typer(add_completion=False, no_args_is_help=True)

RouteName = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Of one route; default: all.", show_default=False)
]
_NONE = "no route is set: nobody is told of incidents; set REMIT_ROUTES to a file of routes"


@app.callback()
def routes() -> None:
    """By which ways incidents are told to whom."""


@app.command("ls")
def list_routes(store: StoreOption = None) -> int:
    """Every route: what waits, since when it fails and why, what its rate lets through."""
    with opened(store) as at:
        known = load_routes(at.settings).routes
        found = at.store.read(lambda db: views(db, known, at.now))
    settings = {route.name: route for route in known}
    if Output.json:
        emit({"routes": [_told(view, settings.get(view.state.route)) for view in found]})
        return 0
    rows = [_row(view, settings.get(view.state.route), at.now) for view in found]
    columns = ("route", "for", "waits", "delivered", "given up", "state", "rate")
    table("", columns, rows, empty=_NONE)
    return 0


@app.command()
def check() -> int:
    """Read the file of routes: every key, every secret, every address."""
    found = load_routes(load_settings())
    told = [_settings(route) for route in found.routes]
    if Output.json:
        emit({"routes": told, "warnings": list(found.warnings)})
        return 0
    table("", ("route", "for", "format", "to"), [tuple(one.values())[:4] for one in told], empty=_NONE)
    for warning in found.warnings:
        say(f"Look: {visible(warning, 1000)}")
    return 0


@app.command()
def test(name: RouteName = None, store: StoreOption = None) -> int:
    """Send a message that says it is a test by the real way, then its end; exit 1 where one is not taken."""
    with opened(store) as at:
        known = load_routes(at.settings).routes
        tried = [(route, _tried(at, route, known)) for route in _chosen(known, name)]
    if Output.json:
        emit({"routes": [{"route": route.name, "ok": not error, "told": error} for route, error in tried]})
    else:
        rows = [(route.name, error or "ok", visible(error or "taken", 500)) for route, error in tried]
        table(
            "", ("route", "", "what came back"), [(n, "FAILED" if e != "ok" else "ok", t) for n, e, t in rows]
        )
    return 1 if any(error for _, error in tried) else 0


@app.command()
def retry(name: RouteName = None, store: StoreOption = None) -> int:
    """Let what was refused or waited too long be tried once more, and all that waits now."""
    with opened(store) as at:
        chosen = _chosen(load_routes(at.settings).routes, name)
        revived = {route.name: at.store.transact_now(partial(again, route=route)) for route in chosen}
    if Output.json:
        emit({"routes": [{"route": route, "revived": n} for route, n in revived.items()]})
    for route, n in revived.items():
        say(f"{route}: {counted(n, 'message')} given up before will be tried again; what waits is tried now.")
    return 0


def _chosen(known: Sequence[RouteSettings], name: str | None) -> list[RouteSettings]:
    chosen = [route for route in known if name in (None, route.name)]
    if not chosen:
        if not known:
            raise BadInput("routes", "none is set", "set REMIT_ROUTES to a file of routes")
        raise BadInput("NAME", f"there is no route {name!r}", ", ".join(route.name for route in known))
    return chosen


def _tried(at: Opened, route: RouteSettings, known: Sequence[RouteSettings]) -> str:
    """What went wrong; empty where both messages were taken."""
    queue, sink = SqliteRoute(at.store, route, known), build_sink(route)
    begins = queue.try_out(route.teams[0])
    problem = _sent(sink, begins)
    if problem:
        queue.withdraw(begins)
        return problem
    queue.done(begins)
    ends = queue.over(begins)
    problem = _sent(sink, ends)
    if problem:  # whoever delivers goes on trying, so that the test does not stay open there
        queue.retry(ends, problem, jitter=0.5)
    else:
        queue.done(ends)
    return problem


def _sent(sink: Sink, delivery: Delivery) -> str:
    try:
        sink.send(delivery.alert)
    except Exception as error:  # noqa: BLE001 - whatever a sink does, the row must not stay
        return str(error) or type(error).__name__
    return ""


def _settings(route: RouteSettings) -> dict[str, Any]:
    return {
        "route": route.name,
        "team": " and ".join(team.value for team in route.teams),
        "format": route.format,
        "to": build_sink(route).origin,
        "min_urgency": route.urgency.value,
        "content": route.content,
        "rate_per_h": route.rate_per_h,
        "burst": route.burst,
        "repeat_s": route.repeat_s,
    }


def _told(view: RouteView, route: RouteSettings | None) -> dict[str, Any]:
    state = view.state
    return {
        "route": state.route,
        "set": route is not None,
        **({} if route is None else _settings(route)),
        "waiting": view.waiting,
        "oldest_at": view.oldest_at,
        "delivered": state.told,
        "last_delivered_at": state.told_at,
        "given_up": view.given_up,
        "last_given_up": view.last_given_up,
        "failing_since": state.failing_since,
        "last_error": state.last_error,
        "page_tokens": round(state.page.tokens, 2),
        "queue_tokens": round(state.queue.tokens, 2),
        "page_due_in_s": round(view.page_due_in_s, 1),
        "queue_due_in_s": round(view.queue_due_in_s, 1),
        "messages": view.counts,
    }


def _row(view: RouteView, route: RouteSettings | None, now: float) -> tuple[str, ...]:
    state = view.state
    waits = str(view.waiting)
    if view.oldest_at is not None:
        waits += f", the oldest {span(max(0.0, now - view.oldest_at))}"
    delivered = str(state.told) + (f", last {instant(state.told_at)}" if state.told_at else "")
    return (
        state.route,
        "not in the file any more" if route is None else " and ".join(team.value for team in route.teams),
        waits,
        delivered,
        f"{view.given_up}: {visible(view.last_given_up, 200)}" if view.given_up else "0",
        _state(state.failing_since, state.last_error, now),
        "-" if route is None else _rate(view, route),
    )


def _state(failing_since: float | None, last_error: str, now: float) -> str:
    if failing_since is None:
        return "ok"
    return f"fails for {span(max(0.0, now - failing_since))}: {visible(last_error, 300)}"


def _rate(view: RouteView, route: RouteSettings) -> str:
    if not route.rate_per_h:
        return "no limit"
    left = (
        f"{int(view.state.page.tokens)} pages and {int(view.state.queue.tokens)} others of {route.burst} left"
    )
    due = max(view.page_due_in_s, view.queue_due_in_s)
    return left + (f", one in {span(due)}" if due else "")
