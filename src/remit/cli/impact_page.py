"""The page of `remit impact`: what ran before, what after, what can be undone and how, and what nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from remit.cli.output import counted, say, table
from remit.core.notice import instant, visible

MOST_ROWS: Final = 40
"""Calls, readers and values that the page shows of each kind; `--json` has all."""
MOST_SESSIONS: Final = 10
"""Sessions of an incident whose calls the page lists."""
_WHEN: Final = {
    "before": "Before it",
    "anomaly": "The call that was noticed",
    "after": "After it",
    "": "Calls",
}
ViewPart = Mapping[str, Any]


def print_page(view: ViewPart) -> None:
    """Print the view of `usecases.impact_view`."""
    numbers: dict[str, str] = {}
    for place, session in enumerate(view["sessions"]):
        for call in session["calls"]:
            numbers[call["call"]] = str(len(numbers) + 1)
        if place < MOST_SESSIONS:
            _print_session(session, numbers)
    _more(len(view["sessions"]) - MOST_SESSIONS, "sessions")
    _print_undo(view, numbers)
    _print_left(view["left"], numbers)
    _print_readers(view, numbers)
    _print_unknown(view)


def _print_session(session: ViewPart, numbers: dict[str, str]) -> None:
    noticed = session["anomaly"]
    who = f" for {visible(str(session['principal']))}" if session["principal"] else ""
    say(f"Session {visible(session['session'])} of {visible(session['agent'])}{who}")
    if noticed is not None:
        about = ", ".join(noticed["clauses"]) or noticed["tool"]
        say(f"Noticed {instant(noticed['at'])}: {visible(str(noticed['kind']))} {visible(about)}")
    if session["enforcement"] == "monitor":
        say("Its envelope only monitored: what is refused here in words ran all the same where it says so.")
    calls = session["calls"]
    if not calls:
        say("It made no call that can still be read.")
    for when, title in _WHEN.items():
        found = [call for call in calls if call["when"] == when]
        rows = [_call_row(call, numbers) for call in found[:MOST_ROWS]]
        if rows:
            table(title, ("#", "at (UTC)", "call", "effect", "what became of it", "touched"), rows)
        _more(len(found) - MOST_ROWS, "calls")


def _call_row(call: ViewPart, numbers: Mapping[str, str]) -> tuple[str, ...]:
    became = visible(call["state"]) + (f": {visible(call['why'], 200)}" if call["why"] else "")
    became += f" ({visible(call['error'], 200)})" if call["error"] else ""
    named = [f"{one['kind']} {visible(one['value'], 120)}" for one in call["objects"][:8]]
    more = len(call["objects"]) - len(named)
    return (
        numbers[call["call"]],
        instant(call["at"])[5:19],
        spelled(call["tool"], call["args"], 300),
        call["effect"] or "not listed",
        became,
        "\n".join(named + ([f"… and {more} more"] if more > 0 else [])),
    )


def spelled(tool: str, args: Any, limit: int = 2000) -> str:
    """A call as it would be made: the tool, and its arguments as canonical JSON.

    >>> spelled("cancel", {"id": "B-1"})
    'cancel {"id":"B-1"}'
    """
    return visible(f"{tool} {msgspec.json.encode(args, order='sorted').decode()}", limit)


# ------------------------------------------------------------------------------------------------ undoing
def _print_undo(view: ViewPart, numbers: Mapping[str, str]) -> None:
    rows = [(numbers[one["call"]], _how(one), _besides(one)) for one in view["can_be_undone"][:MOST_ROWS]]
    if rows:
        table("Can be undone, the last first (remit runs none of it)", ("#", "by", "know that"), rows)
    _more(len(view["can_be_undone"]) - MOST_ROWS, "calls")
    done = [
        (numbers[o["call"]], spelled(o["undo"]["tool"], o["undo"]["args"]), _by(o["undo"]["by"]))
        for o in view["already_undone"][:MOST_ROWS]
    ]
    if done:
        table("Already undone", ("#", "by", "in"), done)
    for key, title in (
        ("cannot_be_undone", "Cannot be undone"),
        ("undeclared", "Whether it can be undone is not declared"),
    ):
        listed = [
            (numbers[o["call"]], spelled(o["tool"], o["args"], 200), visible(o["why"])) for o in view[key]
        ]
        if listed:
            table(title, ("#", "call", "why"), listed[:MOST_ROWS])
        _more(len(listed) - MOST_ROWS, "calls")
    hand = [
        (numbers[o["call"]], spelled(o["tool"], o["args"], 200), visible("; ".join(o["why"]), 1000))
        for o in view["check_by_hand"]
    ]
    if hand:
        table("Check by hand", ("#", "call", "why"), hand[:MOST_ROWS])
    _more(len(hand) - MOST_ROWS, "calls")


def _how(one: ViewPart) -> str:
    undo = one["undo"]
    return spelled(undo["tool"], undo["args"]) if undo["args"] is not None else visible(undo["tool"])


def _besides(one: ViewPart) -> str:
    undo = one["undo"]
    told = [one["first"], undo["note"], undo["needs"]]
    told += [f"its arguments are not all known: {undo['why']}"] if undo["why"] else []
    if undo["state"] == "tried":
        told.append(f"it was tried and may have worked: {_by(undo['by'])}")
    return visible("; ".join(filter(None, told)), 1000)


def _by(call: ViewPart) -> str:
    whose = f"session {visible(call['session'])} of {visible(call['agent'])}"
    return f"{visible(call['state'])} at {instant(call['at'])}, {whose}"


# ------------------------------------------------------------------------------------------------ what left, who read it
def _print_left(left: Sequence[ViewPart], numbers: Mapping[str, str]) -> None:
    rows = [
        (
            numbers[one["call"]],
            visible(", ".join(one["to"]), 300) or "not named",
            visible(value["path"]),
            (value["confidentiality"] or "in nothing it saw").upper(),
            visible(str(value["value"]), 200),
            visible(", ".join(value["sources"])) or "-",
        )
        for one in left
        for value in one["values"]
    ]
    if rows:
        table("What left", ("#", "to", "argument", "confidentiality", "value", "stood in"), rows[:MOST_ROWS])
    _more(len(rows) - MOST_ROWS, "values")


def _print_readers(view: ViewPart, numbers: Mapping[str, str]) -> None:
    readers = view["readers"]
    for one in readers[:MOST_ROWS]:
        did = "Read" if one["read"] else "Acted on"
        whose = f"session {visible(one['session'])} of {visible(one['agent'])}"
        say(f"{did} later, step {one['depth']}: {whose}, {instant(one['at'])}")
        for read in one["read"][:8]:
            asked = ", having asked for it" if read["asked_for_it"] else ""
            of = f"of {numbers.get(read['written_by'], 'a reader')}, {visible(read['place'])}"
            say(f"  {visible(str(read['value']), 120)} ({of}) in {visible(read['source'])}{asked}")
        _more(len(one["read"]) - 8, "values")
        for did in one["did"]:
            blind = "" if did["had_it"] else "; no text with it is recorded in this session"
            with_ = ", ".join(f"{path} from {_stood(what)}" for path, what in did["with"].items())
            say(
                f"  then {spelled(did['tool'], did['args'], 300)}: {visible(did['state'])};"
                f" {visible(with_, 300)}{blind}"
            )
    _more(len(readers) - MOST_ROWS, "sessions")
    crowded = [v for v in view["values"] if v["sessions"] > v["named"]]
    for value in crowded[:MOST_ROWS]:
        say(
            f"{visible(str(value['value']), 120)} was met in {value['sessions']} sessions; {value['named']} are named."
        )
    if not readers:
        looked = view["looked"]
        words = f"{counted(looked['values'], 'value')} in {counted(looked['events'], 'later event')}"
        say(f"Nobody is known to have read any of it later; looked for {words}.")


def _stood(what: ViewPart) -> str:
    return ", ".join(what["origins"]) or "nowhere that was recorded"


def _print_unknown(view: ViewPart) -> None:
    looked = view["looked"]
    silent = sum(looked["not_looked_for"].values())
    unknown = [*view["nobody_knows"], *(f"not all was followed: {bound}" for bound in looked["cut"])]
    if silent:
        why = ", ".join(f"{count} {reason}" for reason, count in looked["not_looked_for"].items())
        unknown.append(
            f"{counted(silent, 'value')} would tell nothing if met again, and were not looked for ({why})"
        )
    if unknown:
        say("What nobody knows")
    for told in unknown:
        say(f"  {visible(told, 1000)}")


def _more(count: int, what: str) -> None:
    if count > 0:
        say(f"… and {count} more {what}; --json has all")
