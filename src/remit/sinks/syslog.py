"""Syslog: one line of RFC 5424, with what machines read as structured data.

The structured data has the id `remit@32473`: RFC 5612 sets that number aside for documents, and remit has none of its
own.
"""

from __future__ import annotations

from remit.core.alert import Action, Alert
from remit.core.classify.classification import Team
from remit.core.types import Severity
from remit.sinks import shape

MEDIA = "text/plain; charset=utf-8"
SD_ID = "remit@32473"
MOST_UDP = 2048
"""Bytes of a datagram. Source: RFC 5426, 3.2: receivers should take so many."""
MOST_STREAM = 8192
"""Bytes of a message over TCP and TLS. Source: RFC 5425, 4.3.1: receivers should take so many."""
_MOST_SD = 1200
_FACILITIES = {Team.SECURITY: 10, Team.SRE: 3}
"""Security and authorisation messages; system daemons."""
_SEVERITIES = {Severity.CRITICAL: 2, Severity.HIGH: 3, Severity.MEDIUM: 4, Severity.LOW: 5}
_INFORMATIONAL = 6


def syslog(alert: Alert, said: str, host: str = "-", most: int = MOST_STREAM) -> str:
    """The message, in at most *most* bytes of UTF-8; what is too long is cut off the end of *said*.

    Args:
        alert: for the header and the structured data.
        said: MSG: one line, see `told`.
        host: HOSTNAME, printable ASCII.
        most: at least 2,000.

    Source: RFC 5424, 6: header, structured data, and a byte order mark before a MSG in UTF-8.
    """
    severity = _INFORMATIONAL if alert.action is Action.RESOLVE else _SEVERITIES[alert.severity]
    priority = 8 * _FACILITIES[alert.team] + severity
    head = (
        f"<{priority}>1 {shape.rfc3339(alert.at)} {host[:255]} remit - {alert.action.value} {_data(alert)} "
    )
    mark = "" if said.isascii() else "\ufeff"
    room = most - len((head + mark).encode())
    return head + mark + said.encode()[:room].decode("utf-8", "ignore")


def told(alert: Alert) -> str:
    """MSG for people: what happened, the strongest evidence, where to look."""
    evidence = [str(one["told"]) for one in shape.evidence(alert)[:2]]
    asked = f"asked for {shape.attempted(alert)}" if alert.attempted else ""
    parts = [
        shape.line(alert.title),
        *evidence,
        shape.line(asked, 500),
        shape.link(alert) or shape.line(alert.command),
    ]
    return "; ".join(part for part in parts if part)


def _data(alert: Alert) -> str:
    """The structured data, the most important parameters first; the last ones are left out where there is no room."""
    named = {
        "id": shape.token(alert.id),
        "incident": shape.token(alert.incident),
        "revision": str(alert.revision),
        "action": alert.action.value,
        "team": alert.team.value,
        "urgency": alert.urgency.value,
        "class": alert.label.value,
        "confidence": str(shape.percent(alert.confidence)),
        "severity": alert.severity.value,
        "count": str(alert.count),
        "agent": alert.agent,
        "tool": alert.tool,
        "kind": alert.kind,
        "env": alert.env,
        "tenant": alert.tenant,
        "session": alert.session,
        "clauses": ",".join(alert.clauses),
    }
    found = f"[{SD_ID}"
    for name, value in named.items():
        parameter = f' {name}="{_escaped(shape.line(value, 128))}"' if value else ""
        if len((found + parameter).encode()) > _MOST_SD:
            break
        found += parameter
    return found + "]"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
