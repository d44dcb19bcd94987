"""The three kinds of error, since callers do three things: mend the input, accept a no, or try again later."""

from __future__ import annotations


class RemitError(Exception):
    """The root of everything that remit raises by itself."""


_SHOWN = 1_000


def _line(text: str) -> str:
    """One line of at most a thousand characters: a file's own text stands in errors, and may be hostile."""
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return cut if cut.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in cut)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


class BadInput(RemitError):
    """Fix it and retry: a file, a setting or an argument is not what it must be.

    The message says where, what was found and what would do, in one line of printable characters:

    >>> str(BadInput("spec.tools.refund.effect", "found 'wrte'", "use one of read, write"))
    "spec.tools.refund.effect: found 'wrte'; use one of read, write"
    """

    def __init__(self, where: str, found: str, remedy: str = "") -> None:
        where, found, remedy = _line(where), _line(found), _line(remedy)
        self.where = where
        """Place: a file with line, a key path, an option."""
        self.found = found
        """What stood there."""
        self.remedy = remedy
        """What would do; empty when *found* says it."""
        super().__init__(f"{where}: {found}" + (f"; {remedy}" if remedy else ""))


class Unavailable(RemitError):
    """The world failed: a store, a disk, a service. Nothing ran that was not decided."""

    def __init__(self, message: str, retry_after_s: float | None = None, *, ran: bool = False) -> None:
        self.retry_after_s = retry_after_s
        """Seconds after which another try may succeed; None when unknown."""
        self.ran = ran
        """True where a tool ran, and only its outcome could not be recorded."""
        super().__init__(message)


class Declined(Unavailable):
    """A receiver was reached and said no for good: to its address, to our key, or to this message.

    The same attempt again helps only once somebody has mended something, so it is made seldom, and shown as a problem.
    """


class OutcomeUnknown(Exception):
    """Nobody knows whether the tool did its work: its process died, or it did not answer in time.

    Raise it from a tool (`run`) where that is so: the call is recorded and counted as one of unknown outcome, not as one
    that failed, and the exception reaches the caller unchanged.
    """


class ToolFailed(Exception):
    """The tool's own failure, where its host tells of it and raises nothing: an MCP server, a framework, a coding agent.

    The call is recorded as one that failed, under this name.
    """

    def __init__(self, told: str, answer: object = None) -> None:
        self.answer = answer
        """What the host has in place of a result, as it came; None where there is only the text."""
        super().__init__(told)


def outcome_known(error: BaseException) -> bool:
    """Whether a tool that raised *error* has ended: an interrupt or a cancellation says nothing of what it did.

    >>> outcome_known(ValueError()), outcome_known(KeyboardInterrupt()), outcome_known(OutcomeUnknown("died"))
    (True, False, False)
    """
    return isinstance(error, Exception) and not isinstance(error, OutcomeUnknown)


class Refused(RemitError):
    """Our no; nothing is broken. Subclasses carry the reasons as fields."""
