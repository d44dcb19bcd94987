"""What the envelope hides of a tool's results, where the server says it beside the result.

The guard redacts a call's value (`core.shown`). MCP has other places that a client reads: the text of a failure, the
message and data of a JSON-RPC error, and a result's `_meta`. What obligations redact is redacted there, too; a `_meta`
goes no further where a clause asks what came back, since no clause looks into it. In monitor nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mcp.shared.exceptions import MCPError

from remit.core.envelope import Cap, Clause, Envelope, Obligation, Redact, Tool
from remit.core.errors import BadInput
from remit.core.promote import acting
from remit.core.results import plain_result
from remit.core.shown import Unmet, show
from remit.core.types import Json
from remit.proxy import view

NOT_SHOWN: Final = "[not shown: it could not be redacted]"


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is hidden of one tool's results in one session."""

    redactions: tuple[Obligation, ...] = ()
    looked_into: bool = False
    """Whether any clause that is acted upon asks what came back."""

    @classmethod
    def of(cls, envelope: Envelope, tool: str, session: str) -> Hidden:
        """What *envelope* hides in the session with this id; nothing of a tool that it does not list."""
        found, binding = envelope.tools.get(tool), acting(envelope, session)
        if found is None:
            return cls()
        acts = [one for one in _asking(found) if binding is None or one.id in binding]
        redactions = [one for one in found.obligations if isinstance(one.duty, Redact) and one.clause in acts]
        return cls(tuple(redactions), bool(acts))

    def bare(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result without what no clause can look into."""
        return {key: one for key, one in result.items() if key != "_meta"} if self.looked_into else result

    def failure(self, result: dict[str, Any]) -> dict[str, Any]:
        """A result that is an error; an obligation's `when` is not asked, and it redacts."""
        result = self.bare(result)
        if not self.redactions:
            return result
        before = view.view_of(result)
        return view.rebuilt(result, before, self._redacted(before))

    def error(self, error: MCPError) -> MCPError:
        """The server's JSON-RPC error."""
        if not self.redactions:
            return error
        data = None if error.data is None else self._redacted(error.data)
        return MCPError(error.code, str(self._redacted(error.message)), data)

    def _redacted(self, value: Json) -> Json:
        """As a result is; words that spell no object need not have the fields that a result has."""
        words = isinstance(value, str) and not value.lstrip().startswith(("{", "["))
        try:
            return show(plain_result(value), _patterns(self.redactions) if words else self.redactions)[0]
        except (Unmet, BadInput):
            return NOT_SHOWN


def _asking(tool: Tool) -> list[Clause]:
    """The clauses that ask what came back, or hide some of it."""
    duties = [one.clause for one in tool.obligations if _of_result(one.duty)]
    scopes = [one.clause for one in tool.scopes if one.of_output]
    schema = [] if tool.output is None else [tool.output.clause]
    return [*duties, *scopes, *schema, *(one.clause for one in tool.ensure)]


def _of_result(duty: object) -> bool:
    return isinstance(duty, Redact) or (isinstance(duty, Cap) and duty.arg is None)


def _patterns(redactions: Sequence[Obligation]) -> tuple[Obligation, ...]:
    duties = [(one, one.duty) for one in redactions if isinstance(one.duty, Redact)]
    return tuple(replace(one, duty=Redact((), duty.patterns)) for one, duty in duties)
