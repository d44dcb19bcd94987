"""The table of built-in functions. To add one: write it in its family's file, add its line here.

A built-in is pure and takes positional arguments. It returns a canonical value, or raises `ConditionError`
for input that two readers could understand differently: it refuses rather than repairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from remit.core.cel.functions import address, email, mime, number, path, quantity, sets, shell, sql, text, url
from remit.core.cel.types import (
    BOOL,
    CIDR,
    CIDR_OR_TEXT,
    DOUBLE,
    INT,
    IP,
    IP_OR_TEXT,
    ITEMS,
    QUANTITY,
    STRING,
    STRINGS,
    Type,
    record,
)


@dataclass(frozen=True, slots=True)
class Extra:
    """What some functions need and few envelopes use: an optional extra of the package."""

    name: str
    """As in ``pip install 'remit[name]'``."""
    load: Callable[[], None]
    """Imports it; raises ImportError."""


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
    alike: bool = False
    """Whether the arguments must be lists with one type of element."""
    world: bool = False
    """Whether the answer comes from the enforcement point, before the decision; `call` only refuses arguments."""
    extra: Extra | None = None
    """Imported when a condition that uses the function is loaded, so that nothing is missing when it runs."""

    @property
    def purpose(self) -> str:
        """What it is for, in one line."""
        return (self.call.__doc__ or "").partition("\n")[0]


SQL: Final = Extra("sql", sql.load)
SHELL: Final = Extra("shell", shell.load)
STATEMENT: Final = record(kind=STRING, tables=STRINGS, functions=STRINGS)
URL: Final = record(scheme=STRING, host=STRING, port=INT, path=STRING, query=STRING, href=STRING)

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function
    for function in (
        #        name              implementation          parameters          returns  look at literals
        Function("url", url.url, (STRING,), URL),
        Function("isURL", url.is_url, (STRING,), BOOL),
        Function("host", url.host, (STRING,), STRING),
        Function("domain_in", url.domain_in, (STRING, STRINGS), BOOL, url.check_domains),
        Function("public_address", address.public_address, (STRING,), BOOL),
        Function("ip", address.ip, (STRING,), IP),
        Function("isIP", address.is_ip, (STRING,), BOOL),
        Function("ip.isCanonical", address.is_canonical, (STRING,), BOOL),
        Function("cidr", address.cidr, (STRING,), CIDR),
        Function("isCIDR", address.is_cidr, (STRING,), BOOL),
        Function("path_within", path.path_within, (STRING, STRING), BOOL, path.check_root),
        Function(
            "real_path_within", path.real_path_within, (STRING, STRING), BOOL, path.check_root, world=True
        ),
        Function("email_domain", email.email_domain, (STRING,), STRING),
        Function("visible", text.visible, (STRING,), BOOL),
        Function("fold", text.fold, (STRING,), STRING),
        Function("mime", mime.mime, (STRING,), STRING, mime.check_installed),
        Function("text_mime", mime.text_mime, (STRING,), STRING),
        Function("quantity", quantity.quantity, (STRING,), QUANTITY),
        Function("isQuantity", quantity.is_quantity, (STRING,), BOOL),
        Function("sets.contains", sets.contains, (ITEMS, ITEMS), BOOL, alike=True),
        Function("sets.equivalent", sets.equivalent, (ITEMS, ITEMS), BOOL, alike=True),
        Function("sets.intersects", sets.intersects, (ITEMS, ITEMS), BOOL, alike=True),
        Function("sql", sql.sql, (STRING, STRING), STATEMENT, sql.check_dialect, extra=SQL),
        Function("sql_readonly", sql.sql_readonly, (STRING, STRING), BOOL, sql.check_dialect, extra=SQL),
        Function("shell_argv", shell.shell_argv, (STRING,), STRINGS, extra=SHELL),
        Function("double", number.double, (INT,), DOUBLE),
    )
}

METHODS: Final[dict[str, Function]] = {
    method.name: method
    for method in (
        Function("startsWith", text.starts_with, (STRING, STRING), BOOL),
        Function("endsWith", text.ends_with, (STRING, STRING), BOOL),
        Function("contains", text.contains, (STRING, STRING), BOOL),
        Function("containsIP", address.contains_ip, (CIDR, IP_OR_TEXT), BOOL),
        Function("containsCIDR", address.contains_cidr, (CIDR, CIDR_OR_TEXT), BOOL),
        Function("ip", address.first_ip, (CIDR,), IP),
        Function("masked", address.masked, (CIDR,), CIDR),
        Function("prefixLength", address.prefix_length, (CIDR,), INT),
        Function("family", address.family, (IP,), INT),
        Function("isUnspecified", address.is_unspecified, (IP,), BOOL),
        Function("isLoopback", address.is_loopback, (IP,), BOOL),
        Function("isLinkLocalMulticast", address.is_link_local_multicast, (IP,), BOOL),
        Function("isLinkLocalUnicast", address.is_link_local_unicast, (IP,), BOOL),
        Function("isGlobalUnicast", address.is_global_unicast, (IP,), BOOL),
        Function("isGreaterThan", quantity.is_greater_than, (QUANTITY, QUANTITY), BOOL),
        Function("isLessThan", quantity.is_less_than, (QUANTITY, QUANTITY), BOOL),
        Function("compareTo", quantity.compare_to, (QUANTITY, QUANTITY), INT),
        Function("add", quantity.add, (QUANTITY, QUANTITY), QUANTITY),
        Function("sub", quantity.sub, (QUANTITY, QUANTITY), QUANTITY),
        Function("isInteger", quantity.is_integer, (QUANTITY,), BOOL),
        Function("asInteger", quantity.as_integer, (QUANTITY,), INT),
        Function("asApproximateFloat", quantity.as_approximate_float, (QUANTITY,), DOUBLE),
        Function("sign", quantity.sign, (QUANTITY,), INT),
    )
}
"""Called on their first argument. `matches` is not here: its pattern is compiled while loading."""
