"""The page of an incident on a terminal: what must be known at 3 a.m. stands first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.cli.opened import span
from remit.cli.output import say, table
from remit.core.classify.classification import Class
from remit.core.classify.told import said
from remit.core.notice import instant, visible


def print_incident(view: Mapping[str, Any], short: Mapping[str, str]) -> None:
    """All of `incident_page.incident_view`.

    Args:
        view: the page.
        short: how each anomaly's id may be written, so that it stands in one line and can be pasted.
    """
    say(f"Incident {view['id']}: {view['state']}, {_urgency(view)}")
    say(visible(view["title"], 400))
    say(f"Agent      {visible(view['agent'])}, {_mode(view)}, severity {view['severity']}, {_ran(view)}")
    say(f"When       {_when(view)}")
    _print_links(view)
    _print_class(view)
    _print_parts(view)
    _print_steps(view)
    _print_evidence(view, short)
    _print_timeline(view)
    _print_members(view, short)


def _urgency(view: Mapping[str, Any]) -> str:
    if view["reasons"]:
        return f"{view['urgency']} because of {visible(', '.join(view['reasons']))}"
    return str(view["urgency"])


def _mode(view: Mapping[str, Any]) -> str:
    return f"{view['mode']} now" if view["mode"] else "mode not known"


def _ran(view: Mapping[str, Any]) -> str:
    if not view["ran"]:
        return "no violating call is known to have run"
    touched = view["people_touched"]
    people = (
        f"; data of {touched} {'person' if touched == 1 else 'people'} in its sessions" if touched else ""
    )
    return f"a violating call RAN{people}"


def _when(view: Mapping[str, Any]) -> str:
    first, last = view["first_at"], view["last_at"]
    lasting = f", over {span(last - first)}" if last - first >= 1 else ""
    ended = f"; ended {instant(view['closed_at'])}" if view["closed_at"] is not None else ""
    return f"{instant(first)} to {instant(last)}{lasting}{ended}"


def _print_links(view: Mapping[str, Any]) -> None:
    if view["former"]:
        say(f"Before     it happened before: remit incidents show {view['former']}")
    if view["into"]:
        say(f"Merged     into another: remit incidents show {view['into']}")


def _print_class(view: Mapping[str, Any]) -> None:
    told = said(Class(view["class"]), view["confidence"]) if view["confidence"] is not None else view["class"]
    if view["said_by_people"]:
        told = f"{view['class']}, a person says"
    sums = ", ".join(f"{n} {name}" for name, n in view["classes"].items())
    say(f"Class      {told}" + (f" ({sums})" if len(view["classes"]) > 1 else ""))
    history = view["class_history"]
    if len(history) > 1:
        changed = " → ".join(f"{one['class']} ({instant(one['at'])[11:19]})" for one in history)
        say(f"Was        {changed}")


def _print_parts(view: Mapping[str, Any]) -> None:
    rows = [
        (
            part["team"],
            "leads" if part["leads"] else "watches",
            part["state"],
            visible(part["owner"], 80) or "nobody yet",
            part["urgency"],
            instant(part["since"])[5:16],
        )
        for part in view["teams"]
    ]
    table("Who has it", ("team", "", "state", "owner", "told as", "since (UTC)"), rows)


def _print_steps(view: Mapping[str, Any]) -> None:
    if view["next_steps"]:
        say("What to do next")
    for number, step in enumerate(view["next_steps"], start=1):
        say(f" {number}. {visible(step['do'], 1000)}")
        say(f"    because: {visible(step['because'], 1000)}")
        if step["command"]:
            say(f"    $ {visible(step['command'], 1000)}")


def _print_evidence(view: Mapping[str, Any], short: Mapping[str, str]) -> None:
    told = [(visible(e["kind"]), e["towards"] or "-", visible(e["told"], 800)) for e in view["signalled"]]
    if told:
        table("Trips and alarms", ("kind", "towards", "found"), told)
    for one in view["evidence"]:
        rows = [
            (visible(e["kind"]), e["towards"] or "-", f"{e['score']:.2f}", visible(e["told"], 600))
            for e in one["evidence"]
        ]
        title = f"Evidence of anomaly {short.get(one['anomaly'], one['anomaly'])}: {one['class']}"
        table(title, ("kind", "towards", "score", "found"), rows, empty=f"{title}: none")
    for missing in view["evidence"][0]["missing"] if view["evidence"] else ():
        say(f"Not known  {visible(str(missing), 300)}")


def _print_timeline(view: Mapping[str, Any]) -> None:
    rows = [
        (
            instant(one["at"])[5:19],
            visible(one["what"]) + (f" by {visible(one['by'], 80)}" if one["by"] else ""),
            str(one["count"]),
            "\n".join(visible(text, 300) for text in (one["note"], *one["told"]) if text),
        )
        for one in view["timeline"]
    ]
    table("Timeline", ("at (UTC)", "what", "anomalies", "note, and who was told"), rows)


def _print_members(view: Mapping[str, Any], short: Mapping[str, str]) -> None:
    rows = [
        (
            short.get(one["anomaly"], visible(one["anomaly"])),
            instant(one["at"])[5:19],
            visible(one["kind"]) + (" (ran)" if one["ran"] else ""),
            one["class"] or "-",
            visible(one["session"], 80) or "-",
        )
        for one in view["members"]
    ]
    more = view["count"] + view["signals"] - len(rows)
    table(
        f"Anomalies, {more} more between" if more > 0 else "Anomalies",
        ("id", "at (UTC)", "kind", "class", "session"),
        rows,
    )
