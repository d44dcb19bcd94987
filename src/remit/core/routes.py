"""Where messages about incidents go: one route, as it is set."""

from __future__ import annotations

from dataclasses import dataclass, field

from remit.core.alert import Alert, Urgency
from remit.core.classify.classification import Team


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """One way on which messages leave: for whom, in which format, to where, and how much of them.

    `sinks.table.build` makes a sink of it, and says what is wrong with it.
    """

    name: str
    format: str
    """A line of `sinks.table.FORMATS`: `ocsf`, `pagerduty`, …"""
    target: str = field(default="", repr=False)
    """`https://host/path`, `file:/path`, `syslog+tls://host:port`, `syslog+tcp://…`, `syslog+udp://…`; empty where the
    format has one of its own. Its path may be a secret (Slack's is), so it is shown nowhere."""
    teams: tuple[Team, ...] = (Team.SECURITY, Team.SRE)
    """Whose messages take it."""
    urgency: Urgency = Urgency.QUEUE
    """The least: `page` lets pages through only."""
    secret: str = field(default="", repr=False)
    """What the format takes: key of the signature, PagerDuty's routing key, a token. Resolved; never shown."""
    authorization: str = ""
    """`Bearer`, `Splunk`, …: the secret goes into the header `Authorization` after this word, and signs nothing."""
    content: bool = False
    """Lets arguments and quotations of untrusted text leave."""
    rate_per_h: float = 0.0
    """Messages an hour, of pages and of others apart; what is beyond is merged. 0: no limit."""
    burst: int = 10
    """Messages that may leave at once, after a quiet time."""
    repeat_s: float = 0.0
    """How often an incident that goes on is told again, unchanged, for receivers that forget. 0: never."""
    env: str = ""
    """Name of the environment (`prod`), for messages that do not have one."""
    url_base: str = ""
    """Address of the console, for links in messages that have none; empty: the command is told instead."""
    version: str = ""
    """Of the format, where it has several (OCSF); empty: the format's default."""
    private: bool = False
    """Lets it reach loopback and private networks, there also without TLS. Link-local addresses stay refused."""
    ca_file: str = ""
    """File of certificates that are trusted instead of the system's."""

    def urgent_enough(self, alert: Alert) -> bool:
        """Whether *alert* may be the first that this route is told of an incident."""
        return self.urgency is Urgency.QUEUE or alert.urgency is Urgency.PAGE
