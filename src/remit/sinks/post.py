"""One POST over the one way out. Whatever the receiver answers is data: it is cut, escaped, and never followed."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from remit._version import __version__
from remit.core.errors import BadInput, Declined, Unavailable
from remit.core.notice import visible
from remit.sinks.wire import SinkAddress, Wire

MOST_ANSWER_BYTES = 4096
"""Bytes of an answer that are read."""
MOST_RETRY_AFTER_S = 3600.0
_LATER = frozenset({408, 421, 423, 425, 429})
"""Answers of the kind "your request is wrong" that time alone may mend."""
_NAME = re.compile(r"[A-Za-z0-9-]+")
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?")

EpochClock = Callable[[], float]
"""UTC epoch seconds."""


def post(
    wire: Wire, body: bytes, headers: Mapping[str, str], *, secret: str = "", clock: EpochClock = time.time
) -> None:
    """POST *body*, and return only once the receiver has said that it has it.

    Args:
        wire: where to.
        body: as it was signed.
        headers: beside those that every request has.
        secret: what no error may show, should the receiver quote it back.
        clock: to read a `Retry-After` that is a date.

    Raises:
        BadInput: a header that is none.
        Declined: the receiver refused it for good, or points elsewhere.
        Unavailable: not delivered, with what the receiver said; `retry_after_s` where it said when.
    """
    place = wire.place
    sent = {"User-Agent": f"remit/{__version__}", "Connection": "close", **headers}
    for name, value in sent.items():
        checked_header(name, value)
    with wire.connected() as socket:
        connection = http.client.HTTPConnection(place.host, place.port)
        connection.default_port = 443 if place.secure else 80
        connection.sock = socket
        try:
            connection.request("POST", place.path, body, sent)
            answer = connection.getresponse()
            _refuse_bad(place, answer, secret, clock)
        except http.client.HTTPException as error:
            # As an OSError it is told like any other failure of the connection, or as lateness where it was cut.
            raise ConnectionError(f"{type(error).__name__}: {error}") from None


def checked_header(where: str, value: str) -> str:
    """*value*, where it can stand in a header of that name.

    Raises:
        BadInput: it is empty, or has another character than the printable ones of ASCII.
    """
    if not _NAME.fullmatch(where) or not _VALUE.fullmatch(value):
        raise BadInput(f"header {where}", "has characters that no header has", "take them out")
    return value


def _refuse_bad(place: SinkAddress, answer: http.client.HTTPResponse, secret: str, clock: EpochClock) -> None:
    status, origin = answer.status, place.origin
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise Declined(f"{origin}: answered {status}: redirects are not followed")
    said = answer.read(MOST_ANSWER_BYTES).decode("utf-8", "replace").strip()
    for hidden in (secret, place.path if len(place.path) > 1 else ""):
        # A receiver may quote its own address or our key back.
        said = said.replace(hidden, "…") if hidden else said
    told = f"{origin}: answered {status}" + (f": {visible(said, 200)}" if said else "")
    if 400 <= status < 500 and status not in _LATER:
        raise Declined(told)
    raise Unavailable(told, _retry_after(answer.getheader("Retry-After"), clock))


def _retry_after(header: str | None, clock: EpochClock) -> float | None:
    """Seconds to wait as the receiver says it, by a number or a date; at most an hour."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), MOST_RETRY_AFTER_S)
    try:
        wait_s = parsedate_to_datetime(text).timestamp() - clock()
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(wait_s, 0.0), MOST_RETRY_AFTER_S)
