"""CloudEvents 1.0 in structured mode, for a bus or a gateway that routes by type, source and subject."""

from __future__ import annotations

from urllib.parse import quote

from remit.core.alert import Action, Alert
from remit.core.types import Json
from remit.sinks import shape
from remit.sinks.message import message

MEDIA = "application/cloudevents+json; charset=utf-8"
_TYPES = {
    Action.TRIGGER: "opened",
    Action.UPDATE: "updated",
    Action.ACKNOWLEDGE: "acknowledged",
    Action.RESOLVE: "resolved",
}


def cloudevents(alert: Alert) -> dict[str, Json]:
    """The event; a receiver drops repeats by `source` and `id`, and keeps the order by `partitionkey` and `sequence`.

    Source: CloudEvents 1.0.2 with its extensions "Partitioning" and "Sequence".
    """
    return {
        "specversion": "1.0",
        "id": shape.token(alert.id),
        "type": f"dev.remit.incident.{_TYPES[alert.action]}.v1",
        "source": "/" + "/".join(_segment(one) for one in (alert.env or "remit", alert.agent) if one),
        "subject": f"incident/{_segment(alert.incident)}",
        "time": shape.rfc3339(alert.at),
        "datacontenttype": "application/json",
        "partitionkey": shape.token(alert.incident) or "incident",
        "sequence": f"{max(alert.revision, 0):010d}",
        "team": alert.team.value,
        "severity": alert.severity.value,
        "data": message(alert),
    }


def _segment(text: str) -> str:
    return quote(shape.line(text, 200), safe="-._~")
