"""What is fixed before the first trial: which suite, which design, which seed; hashed, so that it stays so."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from remit.core.errors import BadInput
from remit.core.trial.run import RunInfo, TaskInfo
from remit.core.trial.suite import AgentSpec, Suite
from remit.core.types import Json
from remit.usecases.trials.loaded import LoadedSuite

SOURCE = "remit trial run"
_SHORT = 16
_MOST_CODE = 5_000_000


def run_info(loaded: LoadedSuite, run_id: str, at: float | None = None) -> RunInfo:
    """Everything about a run that is fixed before it starts."""
    suite = loaded.suite
    return RunInfo(
        run_id,
        suite.name,
        suite.hash,
        suite.design,
        tuple(suite.arms),
        {one.id: TaskInfo(one.weight, one.stratum, one.deadline_s) for one in suite.tasks.values()},
        invariants=tuple(rule.id for rule in suite.invariants),
        fingerprints=_fingerprints(loaded),
        at=at,
        source=SOURCE,
        coverage=suite.coverage,
        design_hash=design_hash(loaded),
    )


def new_run_id(suite: Suite, at: float, noise: str) -> str:
    """A name for a run that people can say, and that no other has.

    >>> new_run_id(Suite("Refunds, v2", {}, {}), 0.0, "a1b2")
    'refunds-v2-19700101-000000-a1b2'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", suite.name.lower()).strip("-")[:40] or "suite"
    return f"{slug}-{datetime.fromtimestamp(at, UTC):%Y%m%d-%H%M%S}-{noise}"


def design_hash(loaded: LoadedSuite) -> str:
    """SHA-256 over everything that a trial of this run depends on: a run goes on only where it is the same."""
    return hashlib.sha256(msgspec.json.encode(_parts(loaded), order="sorted")).hexdigest()


def differences(before: RunInfo, now: RunInfo) -> list[str]:
    """In which parts a run that began differs from what would go on; empty where in none."""
    parts = {
        "the suite": (before.suite_hash, now.suite_hash),
        "the design": (before.design, now.design),
        "the arms": (before.arms, now.arms),
        "the tasks": (dict(before.tasks), dict(now.tasks)),
        "an agent": (_plain(before.fingerprints), _plain(now.fingerprints)),
    }
    found = [name for name, (one, other) in parts.items() if one != other]
    return found or (["the settings of the run"] if before.design_hash != now.design_hash else [])


def check_same(before: RunInfo, now: RunInfo) -> None:
    """Refuse to go on with another suite or design than the run began with.

    Raises:
        BadInput: it is another.
    """
    if found := differences(before, now):
        told = f"{', '.join(found)} changed since it began"
        raise BadInput(f"run {before.id}", told, "change it back to go on, or begin anew with --new")


def _parts(loaded: LoadedSuite) -> Any:
    suite = loaded.suite
    design: Json = msgspec.to_builtins(suite.design)
    return {
        "suite": suite.hash,
        "design": design,
        "arms": _fingerprints(loaded),
        "envelope": loaded.envelope.hash if loaded.envelope else "",
        "holds": suite.holds,
        "invariants": [rule.id for rule in suite.invariants],
    }


def _fingerprints(loaded: LoadedSuite) -> dict[str, Mapping[str, Json]]:
    """Of each arm: what the suite says it is, and hashes of its settings and of its own file."""
    envelope: dict[str, Json] = {"envelope": loaded.envelope.hash} if loaded.envelope else {}
    folder = Path(loaded.suite.folder)
    return {
        arm: {**envelope, "config": _config(agent), "code": _code(loaded, arm, folder), **agent.fingerprint}
        for arm, agent in loaded.suite.arms.items()
    }


def _config(agent: AgentSpec) -> str:
    """How the agent is reached, and its settings."""
    how = (agent.python, agent.command, agent.http, agent.environ, agent.headers, agent.settings)
    return hashlib.sha256(msgspec.json.encode(_plain(how), order="sorted")).hexdigest()[:_SHORT]


def _code(loaded: LoadedSuite, arm: str, folder: Path) -> str:
    """What the agent's own file holds: of a function the file that it stands in, of a command those that it names. What
    these import is not known."""
    agent, found = loaded.suite.arms[arm], hashlib.sha256()
    files = [folder / word for word in agent.command]
    if (function := loaded.agents.get(arm)) is not None:
        files = [Path(getattr(getattr(function, "__code__", None), "co_filename", ""))]
    for file in files:
        with suppress(OSError, ValueError):
            if file.is_file() and file.stat().st_size <= _MOST_CODE:
                found.update(file.read_bytes())
    return found.hexdigest()[:_SHORT]


def _plain(values: object) -> object:
    return msgspec.to_builtins(values)
