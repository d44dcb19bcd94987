"""A chat room, by the incoming webhook that Slack has and others took over (Mattermost, Rocket.Chat).

One text, no buttons: an answer given in a chat is not signed by the person who gave it. What others may have written
stands in code spans, in which no chat looks for mentions, links or formatting, and out of which `notice.plain` lets
nothing.
"""

from __future__ import annotations

from remit.core.alert import Action, Alert, Urgency
from remit.core.classify.told import said
from remit.core.notice import plain
from remit.core.types import Json
from remit.sinks import shape

_HEADS = {
    Action.TRIGGER: "New",
    Action.UPDATE: "Update",
    Action.ACKNOWLEDGE: "Taken",
    Action.RESOLVE: "Resolved",
}


def slack(alert: Alert) -> dict[str, Json]:
    """The message: at most a few thousand characters; nothing in it is fetched for a preview.

    Source: Slack, "Formatting text for app surfaces" and "Sending messages using incoming webhooks".
    """
    return {"text": "\n".join(_lines(alert)), "unfurl_links": False, "unfurl_media": False}


def _lines(alert: Alert) -> list[str]:
    page = ", page" if alert.urgency is Urgency.PAGE and alert.action is Action.TRIGGER else ""
    told = [
        f"*{_HEADS[alert.action]}* ({alert.team.value}{page}): {_code(alert.title) or 'an incident'}",
        f"{said(alert.label, alert.confidence)}; severity {alert.severity.value};"
        f" {alert.count} in {alert.sessions} session{'s' if alert.sessions != 1 else ''}",
        _labelled("Agent", alert.agent, "Tool", alert.tool, "Owner", alert.owner),
        _labelled("Change", alert.change, "From", alert.origin),
    ]
    if alert.action is not Action.RESOLVE:
        told += [f"• {_code(str(one['told']))}" for one in shape.evidence(alert)[:3] if one["told"]]
        told += [f"{n}. {_code(step)}" for n, step in enumerate(shape.lines(alert.steps, 4), 1)]
        if alert.attempted:
            told.append(f"Asked for: {_code(str(shape.attempted(alert)))}")
    told.append(f"Incident `{shape.token(alert.incident)}`{_where(alert)}")
    return [one for one in told if one]


def _where(alert: Alert) -> str:
    if link := shape.link(alert):
        return f": <{link.replace('&', '&amp;')}|see it>"
    return f": {_code(alert.command)}" if alert.command else ""


def _labelled(*pairs: str) -> str:
    named = zip(pairs[::2], pairs[1::2], strict=True)
    return "; ".join(f"{name} {_code(value)}" for name, value in named if value)


def _code(text: str) -> str:
    # Cut after escaping would cut an entity in two.
    shown = plain(shape.line(text, 300), 300).strip()
    return f"`{shown}`" if shown else ""
