"""What a mode of the breaker can be set for, and in which scopes one call stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote, unquote

from remit.core.errors import BadInput
from remit.core.types import ToolEffect


class ScopeKind(StrEnum):
    """What a mode can be set for, from wide to narrow."""

    STORE = "store"
    TENANT = "tenant"
    AGENT = "agent"
    VERSION = "version"
    EFFECT = "effect"


@dataclass(frozen=True, slots=True)
class Scope:
    """One thing that has a mode: the store, a tenant, an agent, a version of it, or its tools of one effect.

    >>> Scope.parse("effect/acme/refund%2Fbot/egress")
    Scope(kind=<ScopeKind.EFFECT: 'effect'>, tenant='acme', agent='refund/bot', part='egress')
    """

    kind: ScopeKind
    tenant: str = ""
    agent: str = ""
    part: str = ""
    """The version, or the effect."""

    @property
    def id(self) -> str:
        """`store`, `tenant/T`, `agent/T/A`, `version/T/A/V` or `effect/T/A/E`, each part percent-encoded."""
        return _id(self)

    @property
    def owned(self) -> bool:
        """True where the agent's own evidence moves the mode; the store and a tenant move by hand only."""
        return self.kind in (ScopeKind.AGENT, ScopeKind.VERSION, ScopeKind.EFFECT)

    @staticmethod
    def parse(text: str) -> Scope:
        """The scope that an id names.

        Raises:
            BadInput: *text* is not an id as `Scope.id` writes it.
        """
        head, *parts = text.split("/")
        remedy = "use store, tenant/T, agent/T/A, version/T/A/V or effect/T/A/E"
        if head not in list(ScopeKind) or len(parts) != _PARTS[ScopeKind(head)] or not all(parts):
            raise BadInput("scope", f"found {text!r}", remedy)
        return Scope(ScopeKind(head), *(unquote(part) for part in parts))


@lru_cache(maxsize=4096)
def _id(scope: Scope) -> str:
    parts = (scope.tenant, scope.agent, scope.part)[: _PARTS[scope.kind]]
    return "/".join((scope.kind.value, *map(_quoted, parts)))


@lru_cache(maxsize=4096)
def _quoted(part: str) -> str:
    return quote(part, safe="")


_PARTS = {
    ScopeKind.STORE: 0,
    ScopeKind.TENANT: 1,
    ScopeKind.AGENT: 2,
    ScopeKind.VERSION: 3,
    ScopeKind.EFFECT: 3,
}


@lru_cache(maxsize=4096)
def scopes_of(
    tenant: str, agent: str, version: str = "", effect: ToolEffect | None = None
) -> tuple[Scope, ...]:
    """Every scope that a call of this agent stands in, sorted by id: the order in which rows are locked."""
    scopes = [Scope(ScopeKind.STORE), Scope(ScopeKind.TENANT, tenant), Scope(ScopeKind.AGENT, tenant, agent)]
    if version:
        scopes.append(Scope(ScopeKind.VERSION, tenant, agent, version))
    if effect is not None:
        scopes.append(Scope(ScopeKind.EFFECT, tenant, agent, effect.value))
    return tuple(sorted(scopes, key=lambda scope: scope.id))


@lru_cache(maxsize=4096)
def scope_ids(
    tenant: str, agent: str, version: str = "", effect: ToolEffect | None = None
) -> tuple[str, ...]:
    """The ids of `scopes_of`, for whoever needs nothing else of them.

    >>> scope_ids("acme", "bot") == tuple(scope.id for scope in scopes_of("acme", "bot"))
    True
    """
    whose = f"{_quoted(tenant)}/{_quoted(agent)}"
    ids = [ScopeKind.STORE.value, f"tenant/{_quoted(tenant)}", f"agent/{whose}"]
    if version:
        ids.append(f"version/{whose}/{_quoted(version)}")
    if effect is not None:
        ids.append(f"effect/{whose}/{_quoted(effect.value)}")
    return tuple(sorted(ids))
