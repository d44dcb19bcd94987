"""Options that several commands have in common: declared once, as the fields of a dataclass."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar, cast, get_type_hints

R = TypeVar("R")


def grouped(command: Callable[..., R]) -> Callable[..., R]:
    """A command whose parameters that are dataclasses stand for their fields: each field is an option, in its place.

    Args:
        command: a function for `typer`; a field's annotation and default say what its option is.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Pages:
    ...     html: bool = False
    ...     width: int = 80
    >>> def show(*, pages: Pages, store: str = "") -> str:
    ...     return f"{pages.width} of {store}"
    >>> list(inspect.signature(grouped(show)).parameters), grouped(show)(width=9, store="s")
    (['html', 'width', 'store'], '9 of s')
    """
    declared = inspect.signature(command, eval_str=True)
    groups = {p.name: p.annotation for p in declared.parameters.values() if is_dataclass(p.annotation)}

    @functools.wraps(command)
    def with_groups(**given: Any) -> R:
        for name, group in groups.items():
            of_group = {field.name: given.pop(field.name) for field in fields(group) if field.name in given}
            given[name] = cast("type[Any]", group)(**of_group)
        return command(**given)

    with_groups.__signature__ = declared.replace(parameters=list(_spread(declared)))  # type: ignore[attr-defined]
    return with_groups


def _spread(declared: inspect.Signature) -> Iterator[inspect.Parameter]:
    for parameter in declared.parameters.values():
        group = parameter.annotation
        if not is_dataclass(group):
            yield parameter
            continue
        hints = get_type_hints(group, include_extras=True)
        for field in fields(group):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            yield inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[field.name]
            )
