"""Trials stand in the same record as production, and apart from it: each under a tenant that nobody else can take.

A tenant of its own gives each trial a fresh breaker and fresh limits. What follows production (classification, drift,
incidents, messages, readiness, lists) leaves such tenants out.
"""

from __future__ import annotations

from urllib.parse import quote

RESERVED = "trial:"
"""How the tenants of trials begin."""
BEYOND = "trial;"
"""The first text that sorts after all of them."""
_MOST_ARM = 60


def is_trial(tenant: str) -> bool:
    """Whether a tenant is a trial's, or a run's.

    >>> is_trial("trial:refunds-1"), is_trial("acme")
    (True, False)
    """
    return tenant.startswith(RESERVED)


def run_tenant(run: str) -> str:
    """The tenant of what is told of a run as a whole.

    >>> run_tenant("refunds-1")
    'trial:refunds-1'
    """
    return f"{RESERVED}{run}"


def trial_name(run: str, arm: str, draw: int, launch: int, attempt: int) -> str:
    """What names one attempt of one trial, also where its run was cut off and goes on: its session's id.

    Args:
        run: id of the run.
        arm: of the trial.
        draw: of the trial.
        launch: the how-manieth start of the run this is, from 1.
        attempt: the how-manieth of the trial in this launch, from 1.

    >>> trial_name("refunds-1", "agent", 12, 1, 1)
    'refunds-1:agent:12:1.1'
    """
    return f"{run}:{quote(arm, safe='')[:_MOST_ARM]}:{draw}:{launch}.{attempt}"


def trial_tenant(name: str) -> str:
    """The tenant of the attempt with this name.

    >>> trial_tenant("refunds-1:agent:12:1.1")
    'trial:refunds-1:agent:12:1.1'
    """
    return f"{RESERVED}{name}"


def shelf_of(tenant: str) -> str:
    """Whose archive keeps the envelopes of a tenant: all trials of a run share the run's.

    >>> shelf_of("trial:refunds-1:agent:12:1.1"), shelf_of("acme")
    ('trial:refunds-1', 'acme')
    """
    if not is_trial(tenant):
        return tenant
    run = tenant.removeprefix(RESERVED).partition(":")[0]
    return run_tenant(run)
