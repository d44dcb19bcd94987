"""What a `reliability` marker asks for, checked before the first test runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from remit.core.errors import BadInput
from remit.core.trial.suite import Design, Rule
from remit.core.types import PrincipalKind

MOST_RUNS = 100_000
GATE = "reliable"


@dataclass(frozen=True, slots=True)
class MarkerArguments:
    """A marker's arguments; each is written by name, only `p` may stand alone."""

    p: float
    """The success rate that must be shown."""
    aims_for: float | None = None
    """A rate that the agent is thought to have: with it the fewest runs are needed. None: any rate, at some more runs."""
    alpha: float = 0.05
    """Chance of passing where the rate is `p` or less."""
    beta: float = 0.10
    """Chance of failing where it is `aims_for` or more; without `aims_for`, where it is `p`."""
    max_runs: int = 200
    runs: int | None = None
    """Exactly so many runs instead, judged at the end."""
    retries: int = 2
    """Of a run in which the world failed."""
    infrastructure: tuple[type[BaseException], ...] = ()
    """What else says that the world failed."""
    inconclusive: str = "fail"
    """What a test that is not decided does: `fail` or `skip`."""
    envelope: str | Path | None = None
    """Of `remit_session`; a path relative to the test's file."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    principal_kind: str | None = None
    seed: int = 0
    """Of all runs; each has one of its own, which comes from it."""

    @property
    def gate(self) -> Rule:
        """The gate that decides."""
        settings = {"at_least": self.p, "alpha": self.alpha, "beta": self.beta}
        if self.aims_for is not None:
            settings["aims_for"] = self.aims_for
        return Rule(GATE, "success", settings, f"@pytest.mark.reliability: {GATE}")

    @property
    def design(self) -> Design:
        """Fixed before the first run."""
        if self.runs is not None:
            return Design("fixed", epochs=self.runs, seed=self.seed, gates=(self.gate,))
        return Design("sequential", max_trials=self.max_runs, seed=self.seed, gates=(self.gate,))


NAMES = tuple(one.name for one in fields(MarkerArguments))


def asked_of(
    where: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], most: int | None = None
) -> MarkerArguments:
    """What a marker asks for.

    Args:
        where: the test.
        args: of the marker; `p`, or nothing.
        kwargs: of the marker.
        most: runs, whatever the marker says.

    Raises:
        BadInput: an argument is unknown, missing, of another kind or out of range.
    """
    given = {"p": args[0], **kwargs} if args else dict(kwargs)
    if len(args) > 1 or (args and "p" in kwargs):
        raise BadInput(where, f"found {len(args)} arguments without a name", "name all but p")
    for name in given:
        if name not in NAMES:
            raise BadInput(where, f"unknown argument {name!r}", f"use {', '.join(NAMES)}")
    if "p" not in given:
        raise BadInput(
            where, "p is missing", "write the success rate that must be shown: reliability(p=0.95)"
        )
    asked = MarkerArguments(**given)
    _share(where, "p", asked.p)
    _share(where, "alpha", asked.alpha, 0.5)
    _share(where, "beta", asked.beta, 0.5)
    if asked.aims_for is not None:
        _share(where, "aims_for", asked.aims_for)
        if asked.aims_for <= asked.p:
            raise BadInput(
                f"{where}: aims_for", f"found {asked.aims_for}", f"aim for more than p = {asked.p}"
            )
    _whole(where, "max_runs", asked.max_runs, 1)
    _whole(where, "retries", asked.retries, 0)
    _whole(where, "seed", asked.seed, 0, 2**63)
    if asked.runs is not None:
        _whole(where, "runs", asked.runs, 1)
    _words(where, asked)
    return asked if most is None else _at_most(asked, most)


def _at_most(asked: MarkerArguments, most: int) -> MarkerArguments:
    from dataclasses import replace

    runs = None if asked.runs is None else min(asked.runs, most)
    return replace(asked, max_runs=min(asked.max_runs, most), runs=runs)


def _words(where: str, asked: MarkerArguments) -> None:
    if asked.inconclusive not in ("fail", "skip"):
        raise BadInput(f"{where}: inconclusive", f"found {asked.inconclusive!r}", "use 'fail' or 'skip'")
    if asked.envelope is not None and not isinstance(asked.envelope, str | Path):
        raise BadInput(f"{where}: envelope", f"found {asked.envelope!r}", "write the path of its YAML file")
    if not isinstance(asked.facts, Mapping):
        raise BadInput(f"{where}: facts", f"found {asked.facts!r}", "write names and values")
    if asked.principal_kind is not None and asked.principal_kind not in tuple(PrincipalKind):
        raise BadInput(
            f"{where}: principal_kind", f"found {asked.principal_kind!r}", "use operator or customer"
        )
    kinds: object = asked.infrastructure  # as it came: a marker is not typed
    if not isinstance(kinds, tuple) or not all(
        isinstance(k, type) and issubclass(k, Exception) for k in kinds
    ):
        raise BadInput(
            f"{where}: infrastructure", f"found {kinds!r}", "write a tuple of classes of exceptions"
        )


def _share(where: str, name: str, value: object, most: float = 1.0) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < most:
        raise BadInput(f"{where}: {name}", f"found {value!r}", f"write a number between 0 and {most:g}")


def _whole(where: str, name: str, value: object, least: int, most: int = MOST_RUNS) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadInput(f"{where}: {name}", f"found {value!r}", f"write a whole number from {least} to {most}")
