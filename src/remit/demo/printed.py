"""The account in print: short, and safe to show.

Text that an agent or a stranger wrote is printed with control characters taken out, and never as markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from remit.core.classify.classification import Class
from remit.core.classify.told import said
from remit.demo.account import Account, Anomaly, Held, Trip, telling
from remit.demo.recordings import Rates

SHOWN_ANOMALIES = 4
HARMLESS = (
    "This time the agent did no harm in these sessions, not even unguarded, so there was nothing to prevent. What a model"
    " draws differs from one processor to the next; how often it does harm was measured:"
)


def print_account(account: Account, console: Console) -> None:
    """Print the account for people."""
    console.print()
    console.print(_effects_table(account))
    if account.harmless:
        console.print(Text(HARMLESS, style="yellow"))
    console.print(_rates_text(account.rates))
    console.print(_calls_line(account))
    for anomaly in telling(account.anomalies)[:SHOWN_ANOMALIES]:
        console.print(_anomaly_panel(anomaly))
    if len(account.anomalies) > SHOWN_ANOMALIES:
        console.print(_clause_counts(account.anomalies))
    console.print(_breaker_text(account.trips))
    console.print(_held_text(account.held))
    for line in account.stopped:
        console.print(Text(f"Stopped early: {line}", style="yellow"))
    console.print(_where_text(account), soft_wrap=True)


def _effects_table(account: Account) -> Table:
    table = Table(
        title=f"The same {account.pairs} sessions, without and with the guard", title_justify="left"
    )
    table.add_column("effects, read from the shop's database")
    table.add_column("unguarded", justify="right")
    table.add_column("guarded", justify="right")
    before, after = account.unguarded, account.guarded
    planted, followed, followed_guarded = account.planted
    rows = [
        ("dollars refunded", before.refunded, after.refunded),
        ("  of these wrongly", before.refunded_wrongly, after.refunded_wrongly),
        ("repeated refunds of one order", before.repeated_refunds, after.repeated_refunds),
        ("mails sent", before.mails, after.mails),
        ("  of these to strangers", before.mails_to_strangers, after.mails_to_strangers),
        (f"planted instructions followed (of {planted})", followed, followed_guarded),
    ]
    for name, left, right in rows:
        worse = "red" if left and right < left else ""
        table.add_row(name, Text(str(left), style=worse), Text(str(right), style="green" if worse else ""))
    return table


def _rates_text(rates: Rates) -> Text:
    return Text(
        f"How often: in {rates.sessions} recorded unguarded sessions, none picked, this agent refunded an order"
        f" again in {rates.refunded_again}, mailed strangers in {rates.mailed_strangers}, and followed"
        f" {rates.followed} of {rates.planted} planted instructions.\n"
    )


def _calls_line(account: Account) -> Text:
    calls = account.calls
    return Text.assemble(
        "Under guard: ",
        (f"{calls['allow']} calls allowed", "green"),
        ", ",
        (f"{calls['hold']} held for a person", "yellow"),
        ", ",
        (f"{calls['deny']} refused", "red"),
        f"; {len(account.anomalies)} anomalies captured with their context.\n",
        f"Classified afterwards, by the evidence: {_classes(account)}.\n",
    )


def _classes(account: Account) -> str:
    counts = Counter(anomaly.label or "not classified" for anomaly in account.anomalies)
    told = ", ".join(f"{count} {label}" for label, count in counts.most_common()) or "nothing"
    incidents = "one incident" if account.incidents == 1 else f"{account.incidents} incidents"
    return f"{told}; {incidents} for whoever is on call"


def _anomaly_panel(anomaly: Anomaly) -> Panel:
    lines = [Text.assemble(("attempted  ", "bold"), printable(anomaly.attempted))]
    lines.append(
        Text.assemble(("refused by ", "bold"), f"{', '.join(anomaly.clauses)}: {printable(anomaly.reason)}")
    )
    for source, integrity, text in anomaly.triggering_input[-3:]:
        lines.append(
            Text.assemble(("input      ", "bold"), (f"[{source}, {integrity}] ", "cyan"), printable(text))
        )
    if anomaly.reasoning:
        lines.append(Text.assemble(("reasoning  ", "bold"), printable(" … ".join(anomaly.reasoning[-3:]))))
    if anomaly.label:
        sure = f"{said(Class(anomaly.label), anomaly.confidence)}: "
        lines.append(Text.assemble(("came from  ", "bold"), (sure, "magenta"), printable(anomaly.because)))
    title = Text(f"{anomaly.kind} · {anomaly.severity} · agent {anomaly.mode}")
    return Panel(Group(*lines), title=title, title_align="left", border_style="red")


def _clause_counts(anomalies: Sequence[Anomaly]) -> Text:
    counts = Counter(clause for anomaly in anomalies for clause in anomaly.clauses)
    return Text(
        "All anomalies by clause: " + ", ".join(f"{clause} {n}" for clause, n in counts.most_common())
    )


def _breaker_text(trips: Sequence[Trip]) -> Text:
    if not trips:
        return Text("The breaker did not trip: the agent stayed autonomous.")
    lines = [("The breaker: ", "bold")]
    for trip in trips:
        lines.append((f"{trip.before} → {trip.after}", "bold red"))
        lines.append((f" ({printable(trip.reason)}). ", ""))
    return Text.assemble(*lines, "From the first trip on, a person decides about every effect.")


def _held_text(held: Sequence[Held]) -> Text:
    if not held:
        return Text("No call is held.")
    first = held[0]
    more = f" ({len(held) - 1} more are held)" if len(held) > 1 else ""
    return Text.assemble(
        ("Held: ", "bold yellow"),
        printable(first.call),
        f", since {printable('; '.join(first.reasons))}{more}.\n",
    )


def _where_text(account: Account) -> Text:
    lines = "\n".join(f"  {command}" for command in account.commands)
    return Text(f"Look further into the same data (after: cd {account.folder}):\n{lines}")


def printable(text: str, most: int = 300) -> str:
    """*text* on one line, cut at *most* characters, without anything that a terminal would obey.

    >>> printable("a\\x1b[31mb\\nc")
    'a�[31mb c'
    """
    line = "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in text)
    return line if len(line) <= most else line[: most - 1] + "…"
