"""The demo's sessions: the same cases and seeds, first with nothing in the way, then under guard."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from remit.core.errors import Refused
from remit.demo.agent import CallTool, Episode, compact, direct, run_episode, unobserved
from remit.demo.model import MODEL_NAME, WEIGHTS_SHA256, Model
from remit.demo.recordings import prompt_digest
from remit.demo.shop import CASES, ShopRequest, opened

if TYPE_CHECKING:
    from remit.core.envelope import Clause, Envelope
    from remit.usecases.guard import Guard
    from remit.usecases.session import Session

DEMO_SEEDS = (55, 56, 57, 46, 53, 24)
"""One for each case, picked from the recorded run with seeds 1 to 60 so that one round shows an allowed, a held
and a refused call and each planted instruction at work. How often that happens is told from all sixty."""


def demo_pairs() -> list[tuple[ShopRequest, int]]:
    """The cases of the demo with their seeds."""
    return list(zip(CASES, DEMO_SEEDS, strict=True))


def counting(count: int) -> list[tuple[ShopRequest, int]]:
    """Cases in turn, seeds from 1 to *count*: nothing picked."""
    return [(CASES[number % len(CASES)], number + 1) for number in range(count)]


def unguarded(model: Model, case: ShopRequest, seed: int) -> Episode:
    """One session with nothing between the model and the tools."""
    with opened() as shop:
        episode = run_episode(model, case, seed, direct(shop.tools), unobserved)
        episode.effects = shop.effects(case)
    return episode


def guarded(model: Model, case: ShopRequest, seed: int, guard: Guard) -> Episode:
    """The same session under guard: every call and the final answer go through the envelope.

    An agent that the breaker lets open no session has an episode that says so.
    """
    with opened() as shop:
        try:
            opening = guard.session(
                user_input=case.request,
                principal=case.customer_id,
                principal_kind="customer",
                facts=case.facts,
                fingerprint={"model": f"{MODEL_NAME}@{WEIGHTS_SHA256[:12]}", "prompt": prompt_digest()},
                arm="guarded",
                seed=seed,
            )
        except Refused as no:
            return Episode(case, seed, stopped=str(no))
        with opening as session:
            episode = run_episode(model, case, seed, through(session, shop.tools), session.observe)
            if episode.answer:
                session.finish(episode.answer)
        episode.session_id = session.id
        episode.effects = shop.effects(case)
    return episode


def through(session: Session, tools: dict[str, Callable[..., dict[str, Any]]]) -> CallTool:
    """Tools called through the guard; a no becomes a result, in words that the model can read."""
    from remit import ApprovalRequired, CallDenied

    reasons = reasons_in(session.guard.envelope)

    def call(tool: str, args: dict[str, Any]) -> str:
        try:
            return compact(session.call(tool, args, run=tools[tool]))
        except ApprovalRequired:
            return compact({"held": "a person must approve this first"})
        except CallDenied as no:
            why = next((reasons[c] for c in no.decision.clauses if c in reasons), "not allowed now")
            return compact({"refused": why})

    return call


def reasons_in(envelope: Envelope) -> dict[str, str]:
    """Each clause's own words, by its id: the short reason that a small model is given."""
    clauses: list[Clause] = []
    for tool in envelope.tools.values():
        clauses += [rule.clause for rule in tool.require]
        clauses += [rule.clause for rule in tool.flow]
        clauses += [rule.clause for rule in tool.limits]
    return {clause.id: clause.message for clause in clauses if clause.message}


def run_arm(
    pairs: Sequence[tuple[ShopRequest, int]],
    session: Callable[[ShopRequest, int], Episode],
    budget_s: float,
    told: Callable[[Episode], None],
) -> list[Episode]:
    """Run sessions until all are done or the time is used up, whichever comes first; at least one.

    Args:
        pairs: cases with seeds.
        session: runs one.
        budget_s: no session starts after this much time.
        told: called after each, with what it was.
    """
    ends, episodes = time.monotonic() + budget_s, list[Episode]()
    for case, seed in pairs:
        if episodes and time.monotonic() >= ends:
            break
        episodes.append(session(case, seed))
        told(episodes[-1])
    return episodes
