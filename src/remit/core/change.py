"""A change of what an agent runs on: told by people, or seen in the fingerprints of its sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from remit.core.types import Json


class ChangeKind(StrEnum):
    """What was changed: a field of `Fingerprint`, or `deploy` for anything else."""

    MODEL = "model"
    PROMPT = "prompt"
    TOOL = "tool"
    ENVELOPE = "envelope"
    CONFIG = "config"
    CODE = "code"
    RUNTIME = "runtime"
    DEPLOY = "deploy"


@dataclass(frozen=True, slots=True)
class Change:
    """Something is other than before, from one instant on."""

    id: str
    kind: ChangeKind
    at: float
    """When it took effect, UTC epoch seconds; in a stream without times, the place of the first session that has it."""
    agent: str = ""
    """Whose; empty: every agent's of the tenant."""
    tenant: str = "default"
    before: str = ""
    """What ran before, as far as it is known; empty where not."""
    after: str = ""
    note: str = ""
    by: str = ""
    """Who told it; empty where it was seen in fingerprints."""
    seen: bool = False
    """True where nobody told it: the fingerprints of sessions changed."""

    def told(self) -> dict[str, Json]:
        """As plain JSON."""
        fields: Mapping[str, Json] = {
            "id": self.id,
            "kind": self.kind.value,
            "at": self.at,
            "agent": self.agent,
            "before": self.before,
            "after": self.after,
            "note": self.note,
            "by": self.by,
            "seen": self.seen,
        }
        return {**fields, "tenant": self.tenant}
