"""The label of what comes into a session: by source, as the envelope says; unlisted is untrusted."""

from __future__ import annotations

from remit.core.envelope import Envelope
from remit.core.types import Confidentiality, Integrity, Label, PrincipalKind, Segment

_SYSTEM = Label(Integrity.TRUSTED, Confidentiality.INTERNAL)
_UNLISTED = Label(Integrity.UNTRUSTED, Confidentiality.INTERNAL)


def lowered(segment: Segment, envelope: Envelope, principal_kind: PrincipalKind | None) -> Label:
    """The label of a text that a session saw under an earlier envelope: the worse of what both say, never the better.

    A text is as confidential as the most confidential of its fields that the envelope labels, since the fields of what
    came in before are not told apart any more.

    Args:
        segment: with the label that it had.
        envelope: that is in force now.
        principal_kind: whose text the user's is.
    """
    label = segment.label.join(label_of(envelope, segment.source, principal_kind))
    if segment.source in envelope.with_fields:
        prefix = f"{segment.source}."
        for source, field in envelope.sources.items():
            if source.startswith(prefix):
                label = label.join(Label(Integrity.TRUSTED, field.confidentiality))
    return label


def label_of(envelope: Envelope, source: str, principal_kind: PrincipalKind | None) -> Label:
    """The label of a text from *source*.

    The user's text is `trusted` for an operator and `principal` for a customer: a customer may name its own data and
    never authorises amounts or recipients. Where a session does not say whose text it is, the envelope's
    `sources.user.integrity` stands (an agent whose users are all operators says `trusted`), and without that it is
    taken for a customer's. Where the session does say, the envelope can lower the label and never raise it.

    Args:
        envelope: with its `sources`.
        source: `user`, `system`, `session` (its facts) or the name of a tool or other source.
        principal_kind: whose text the user's is.
    """
    if source in ("system", "session"):
        return envelope.sources.get(source, _SYSTEM)
    listed = envelope.sources.get(source)
    if source != "user":
        return listed or _UNLISTED
    if principal_kind is None:
        return listed or Label(Integrity.PRINCIPAL, Confidentiality.INTERNAL)
    own = Integrity.TRUSTED if principal_kind is PrincipalKind.OPERATOR else Integrity.PRINCIPAL
    if listed is None:
        return Label(own, Confidentiality.INTERNAL)
    written = envelope.user_integrity or own
    return Label(max(own, written, key=lambda level: level.rank), listed.confidentiality)
