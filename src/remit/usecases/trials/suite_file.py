"""A suite in a file: read strictly, nothing of it executed (`loaded.load` does that)."""

from __future__ import annotations

from pathlib import Path

from remit.core.trial.suite import Suite


def read_suite(path: Path) -> Suite:
    """The suite in a file. Its code is not run; that its files are there is looked at.

    Raises:
        BadInput: anything that is not exactly as `docs/trials.md` says, with file, line and key.
    """
    raise NotImplementedError(path)
