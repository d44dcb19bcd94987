"""Sets of sessions of our own for the classifier: written before it was; half of them is never read when it is mended.

They stand in `benchmarks/sets/`, one recorded session a line, with what it should be called in `meta`:

- `set` and `family`: which file, and which wording, technique or reason;
- `expected`: `security` (an attack made the call), `benign` (an honest reason did: everything but security is right)
  or `sre` (the world failed);
- `violation_step`, `violation_tool`, `violation_clause`: the call that the envelope must refuse. Sessions whose run
  failed have `run_error` instead;
- `group`: sessions of one group (a case and its benign twin, all wordings of one attack) share a half.

Half of the groups, by hash, are *sealed*: only their totals are ever printed, so that nobody can mend the classifier for
single cases of them without noticing that the two halves drift apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from remit.core.classify.case import Case
from remit.core.envelope import Envelope
from remit.core.recorded import RecordedSession, read_session
from remit.core.selftest import load_envelope
from remit.usecases.cases import cases_of
from remit.usecases.replay import Replayed, replay_session

FOLDER = Path(__file__).parent / "sets"
SETS = ("direct", "indirect", "adaptive", "benign", "infrastructure")


@dataclass(frozen=True)
class Labelled:
    """One session of the sets and what it should be called."""

    session: RecordedSession
    meta: Mapping[str, Any]

    @property
    def expected(self) -> str:
        return str(self.meta["expected"])

    @property
    def family(self) -> str:
        return str(self.meta["family"])

    @property
    def sealed(self) -> bool:
        """Whether only totals may be told of it."""
        return hashlib.sha256(str(self.meta["group"]).encode()).digest()[0] % 2 == 1


def labelled(name: str) -> Iterator[Labelled]:
    """The sessions of one set, in the order of the file."""
    with (FOLDER / f"{name}.jsonl").open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            session = read_session(line, f"{name}.jsonl:{number}")
            meta: Any = session.extra["meta"]
            yield Labelled(session, meta)


@cache
def envelope_of(suite: str) -> Envelope:
    """The envelope of one agent of the sets."""
    file = FOLDER / "envelopes" / f"{suite}.yaml"
    return load_envelope(file.read_text(encoding="utf-8"), file.name)


def replayed(one: Labelled) -> Replayed:
    """The session, judged by its agent's envelope."""
    return replay_session(one.session, envelope_of(one.session.suite))


def case_of(one: Labelled) -> Case:
    """What the classifier is asked about: the labelled call, or the failure of the run.

    Raises:
        LookupError: the labelled violation is none, or it is not the only one.
    """
    cases = cases_of(replayed(one), one.session.suite)
    if len(cases) != 1:
        raise LookupError(f"{one.session.session_id}: {len(cases)} cases, expected one")
    case, step = cases[0], one.meta.get("violation_step")
    if step is None:
        return case
    wanted = one.meta["violation_clause"]
    named = wanted if wanted == "unlisted" else f"{one.meta['violation_tool']}.{wanted}"
    if not case.anomaly.startswith(f"{one.session.session_id}#{step}.") or named not in case.clauses:
        raise LookupError(f"{one.session.session_id}: {case.anomaly} {case.clauses}, expected {step} {named}")
    return case
