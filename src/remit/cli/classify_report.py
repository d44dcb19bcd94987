"""`remit classify --report`: the classifier beside people's labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.cli.opened import Opened
from remit.cli.output import Output, counted, emit, say, table
from remit.core.classify.classification import Class
from remit.core.classify.report import Labelled, report
from remit.store.triage import labelled


def show_report(at: Opened) -> int:
    """Print the confusion table and the calibration."""
    rows = at.store.read(lambda db: list(labelled(db)))
    found = report(Labelled(r.label, r.person, r.confidence) for r in rows if r.person is not None)
    if Output.json:
        emit(found)
        return 0
    if not rows:
        say(
            "Nobody labelled an anomaly yet: remit anomalies label ID CLASS (security, sre, both, undetermined)"
        )
        return 0
    _print(found)
    return 0


def _print(found: Mapping[str, Any]) -> None:
    names = [one.value for one in Class]
    confusion = [(f"said {said}", *(found["confusion"][said][person] for person in names)) for said in names]
    table(
        f"{counted(found['labels'], 'label')}: what the classifier said, and what people say",
        ("", *(f"is {name}" for name in names)),
        confusion,
    )
    say(f"Agrees            {_share(found['agrees'])}; kappa {_or_dash(found['kappa'])}")
    say(f"Security as sre   {_share(found['missed_security'])}")
    say(f"Sre as security   {_share(found['false_security'])}")
    bins = [
        (f"{b['from']:g} to {b['to']:g}", _or_dash(b["mean_confidence"]), _share(b))
        for b in found["calibration"]
    ]
    table("Is it right as often as it says?", ("confidence", "mean", "was right"), bins)
    say(f"Brier score       {_or_dash(found['brier'])} (0 is best; always saying .5 gives .25)")


def _share(found: Mapping[str, Any]) -> str:
    if found["share"] is None:
        return "-"
    numbers = f"{100 * found['share']:.1f} % [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"
    return f"{numbers} of {found['of']}"


def _or_dash(value: object) -> str:
    return "-" if value is None else f"{value}"
