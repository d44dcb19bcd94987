"""What becomes part of a session's text beside messages: its facts, and single fields of structured results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remit.core.envelope import Envelope
from remit.core.labels import label_of
from remit.core.provenance import SessionText, labelled_fields
from remit.core.reader_tool import RESERVED
from remit.core.types import Json, PrincipalKind, Role, Segment

FACTS_SOURCE = "session"
"""The source name of the session's facts: they come from the application, so they are trusted unless listed."""


def append_facts(text: SessionText, envelope: Envelope, facts: Mapping[str, Json]) -> None:
    """Put the facts first, as a text of their own, so that `from: [session]` can permit their values."""
    told = "\n".join(_leaves(dict(facts)))
    if told:
        label = label_of(envelope, FACTS_SOURCE, None)
        text.append(Segment(len(text.segments), Role.SYSTEM, FACTS_SOURCE, told, label))


def append_result(
    text: SessionText,
    envelope: Envelope,
    tool: str,
    told: str,
    echo: Sequence[Json],
    kind: PrincipalKind | None = None,
) -> Segment:
    """Append a tool's result, then each field that the envelope labels by itself, and return the result's segment.

    Args:
        text: the session's text, which grows.
        envelope: with its `sources`; `tool.field` names a field.
        tool: whose result it is.
        told: the result as the agent sees it.
        echo: the arguments of the call that it answers.
        kind: whose session it is.
    """
    tool = f"?{tool}" if tool in RESERVED else tool  # a tool of that name has no claim to the source's label
    segment = Segment(len(text.segments), Role.TOOL, tool, told, label_of(envelope, tool, kind))
    text.append(segment, echo=echo)
    if tool in envelope.with_fields:
        for source, part in labelled_fields(tool, told, envelope.sources):
            text.append(
                Segment(len(text.segments), Role.TOOL, source, part, label_of(envelope, source, kind)),
                echo=echo,
            )
    return segment


def _leaves(value: Json) -> list[str]:
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]
