"""E-mail addresses: plain ``local@domain`` only, since everything richer is read differently by someone."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from remit.core.cel.errors import ConditionError

_MAX: Final = 254
_MAX_LOCAL: Final = 64
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    r"(?!-)(?P<local>[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@"
    rf"(?P<domain>(?:{_LABEL}\.)+(?=[A-Za-z])[A-Za-z0-9-]*[A-Za-z0-9])"
)


@lru_cache(maxsize=4096)
def _domain(address: str) -> str:
    found = _ADDRESS.fullmatch(address)
    if found is None or len(found["local"]) > _MAX_LOCAL or len(found["domain"].rpartition(".")[2]) > 63:
        raise ConditionError("email_domain: not a plain address such as name@example.com")
    return found["domain"].lower()


def email_domain(address: str) -> str:
    """The domain of a plain address, in lower case; compare it for equality.

    Refused are display names, lists, comments, quoting, routes, IP literals, anything but ASCII letters,
    digits and ``._+-`` before the @, a leading hyphen (an option of mail programs), and addresses beyond 254 characters.

    >>> email_domain("a.b@Corp.com")
    'corp.com'
    """
    if len(address) > _MAX:
        raise ConditionError(f"email_domain: longer than {_MAX} characters")
    return _domain(address)
