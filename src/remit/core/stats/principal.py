"""A map of vectors: their first two principal components.

Source: Pearson, Philosophical Magazine 2 (1901) 559-572.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Plane:
    """Where vectors lie in the two directions that show most of their differences."""

    points: tuple[tuple[float, float], ...]
    """In the order of the vectors."""
    explained: tuple[float, float]
    """Share of the variance that each direction shows."""


def plane(vectors: Any) -> Plane:
    """The plane of some vectors.

    Args:
        vectors: shape (n, d).

    A direction has no sign of its own: the vector that lies farthest out has a positive place, the first one where
    several do. So the same vectors give the same map.

    >>> plane([[0.0, 0.0], [4.0, 0.0], [2.0, 1.0], [2.0, -1.0]]).explained
    (0.8, 0.2)
    """
    rows = np.asarray(vectors, np.float64)
    if rows.ndim != 2:
        raise ValueError(f"vectors of shape {rows.shape}, not (n, d)")
    if len(rows) < 2 or not rows.shape[1]:
        return Plane(((0.0, 0.0),) * len(rows), (0.0, 0.0))
    rows = rows - rows.mean(axis=0)
    total = float((rows * rows).sum())
    if total <= 1e-24 * max(1.0, float(np.abs(vectors).max()) ** 2):
        return Plane(((0.0, 0.0),) * len(rows), (0.0, 0.0))
    places = _places(rows)
    shares = (places * places).sum(axis=0) / total
    return Plane(tuple((float(x), float(y)) for x, y in places), (float(shares[0]), float(shares[1])))


def _places(rows: Any) -> Any:
    """Places along the first two directions, shape (n, 2), by the smaller of the two matrices of products."""
    n, d = rows.shape
    values, directions = np.linalg.eigh(rows @ rows.T if n <= d else rows.T @ rows)
    values, directions = values[::-1][:2], directions[:, ::-1][:, :2]
    found = directions * np.sqrt(np.maximum(values, 0.0)) if n <= d else rows @ directions
    if found.shape[1] < 2:
        found = np.hstack([found, np.zeros((n, 1))])
    far = np.abs(found).round(9).argmax(axis=0)
    return found * np.where(found[far, [0, 1]] < 0, -1.0, 1.0)
