"""The table of built-in functions. To add one: write it in its family's file, add its line here.

A built-in is pure and takes positional arguments. It returns a canonical value, or raises `ConditionError`
for input that two readers could understand differently: it refuses rather than repairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from remit.core.cel.functions import address, email, number, path, text, url
from remit.core.cel.types import BOOL, CIDR, DOUBLE, INT, IP, STRING, STRINGS, Type, record


@dataclass(frozen=True, slots=True)
class Function:
    """One built-in function."""

    name: str
    call: Callable[..., object]
    """The implementation; its docstring is the function's documentation."""
    params: tuple[Type, ...]
    returns: Type
    check: Callable[[Sequence[object]], None] | None = None
    """Looks at the literal arguments while loading (the others are `UNKNOWN`); raises ConditionError."""

    @property
    def purpose(self) -> str:
        """What it is for, in one line."""
        return (self.call.__doc__ or "").partition("\n")[0]


URL: Final = record(scheme=STRING, host=STRING, port=INT, path=STRING, href=STRING)

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function
    for function in (
        #        name              implementation          parameters          returns  look at literals
        Function("url", url.url, (STRING,), URL),
        Function("host", url.host, (STRING,), STRING),
        Function("domain_in", url.domain_in, (STRING, STRINGS), BOOL, url.check_domains),
        Function("public_address", address.public_address, (STRING,), BOOL),
        Function("ip", address.ip, (STRING,), IP),
        Function("cidr", address.cidr, (STRING,), CIDR),
        Function("path_within", path.path_within, (STRING, STRING), BOOL, path.check_root),
        Function("email_domain", email.email_domain, (STRING,), STRING),
        Function("visible", text.visible, (STRING,), BOOL),
        Function("fold", text.fold, (STRING,), STRING),
        Function("double", number.double, (INT,), DOUBLE),
    )
}

METHODS: Final[dict[str, Function]] = {
    method.name: method
    for method in (
        Function("startsWith", text.starts_with, (STRING, STRING), BOOL),
        Function("endsWith", text.ends_with, (STRING, STRING), BOOL),
        Function("contains", text.contains, (STRING, STRING), BOOL),
        Function("containsIP", address.contains_ip, (CIDR, STRING), BOOL),
    )
}
"""Called on their first argument. `matches` is not here: its pattern is compiled while loading."""

UNSUPPORTED: Final = frozenset({"sql", "sql_readonly", "shell_argv", "real_path_within", "mime"})
"""Named in the documentation, not part of this version."""
