"""Reading rows of the control tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw


def only(connection: apsw.Connection, statement: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
    """The row of a statement that always gives one, as a count does."""
    found: tuple[Any, ...] | None = connection.execute(statement, tuple(values)).fetchone()
    assert found is not None, statement  # noqa: S101 - a defect: the statement may give no row
    return found
