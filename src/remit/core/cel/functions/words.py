"""Tables of words, written as text."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """Return the words of a text.

    >>> sorted(words("cat ls"))
    ['cat', 'ls']
    """
    return frozenset(text.split())
