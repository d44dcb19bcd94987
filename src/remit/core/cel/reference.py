"""The reference of the condition language, written from its tables: what is not in them is not in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import cleandoc
from typing import Final

from remit.core.cel.examples import FUNCTION_EXAMPLES, METHOD_EXAMPLES, SYNTAX, VALUES, Examples, NotAnswered
from remit.core.cel.functions import FUNCTIONS, METHODS, Function
from remit.core.cel.lexer import MAX_TEXT
from remit.core.cel.parser import MAX_DEPTH, MAX_NODES
from remit.core.cel.steps import MAX_STEPS
from remit.core.cel.types import ListOf, ObjectOf, Type

_HEAD: Final = """# The condition language

<!-- Written by `remit envelope reference`; a test fails when this file and the tables differ. Do not edit. -->

Conditions are a strict subset of [CEL](https://cel.dev), type-checked against each tool's schema while the envelope
is loaded. There are three differences from CEL, all stricter:

1. **No error absorption.** `&&` and `||` go left to right, and an error on the way is an error. Macros visit every
   element.
2. **Comparing unlike types is refused** while loading, and is an error while running where a type is dyn.
3. **A field outside the schema's `required`** is only read under a `has()` guard.

Left out are map literals, bytes, unsigned and hexadecimal numbers, triple quotes, comments, other escapes and
conversions, infinity and NaN, comparing a double with an int beyond 2^53, the order of booleans, macros over records
and of two variables, patterns that are no literals, and names that hide others. Where only the value can tell, that is
an error, and an error never allows.

A condition has at most {text:,} characters, {nodes} parts and {depth} levels, and visits at most {steps:,} elements;
inside a macro long texts and lists count as several.

The examples read these values; `args` is typed by a schema in which `note` is optional, and the session is dyn:

```json
{values}
```
"""


def reference() -> str:
    """Return the whole reference as Markdown."""
    values = json.dumps(VALUES, indent=2, ensure_ascii=False)
    head = _HEAD.format(text=MAX_TEXT, nodes=MAX_NODES, depth=MAX_DEPTH, steps=MAX_STEPS, values=values)
    parts = [head, "## Forms\n"]
    for form, (meaning, examples) in SYNTAX.items():
        parts.append(f"### `{form}`\n\n{meaning}\n\n{_table(examples)}")
    parts.append("## Functions\n")
    parts += [_function(function, FUNCTION_EXAMPLES[function.name]) for function in FUNCTIONS.values()]
    parts.append("## Methods\n\nCalled on their first argument.\n")
    parts += [_function(method, METHOD_EXAMPLES[method.name], method=True) for method in METHODS.values()]
    return "\n".join(parts)


def _function(function: Function, examples: Examples, *, method: bool = False) -> str:
    words = [cleandoc(function.call.__doc__ or "").partition("\n>>>")[0].strip().replace("``", "`")]
    if function.extra is not None:
        words.append(f"Needs `pip install 'remit[{function.extra.name}]'`.")
    if function.alike:
        words.append("The lists hold one type of element.")
    if function.world:
        words.append("In these examples the enforcement point found `link` to lead elsewhere.")
    return f"### `{_signature(function, method)}`\n\n" + "\n\n".join(words) + f"\n\n{_table(examples)}"


def _signature(function: Function, method: bool) -> str:
    params = [_type(param) for param in function.params]
    owner = f"{params.pop(0)}." if method else ""
    return f"{owner}{function.name}({', '.join(params)}) -> {_type(function.returns)}"


def _type(of: Type) -> str:
    if isinstance(of, ListOf):
        return f"list({_type(of.item)})"
    if isinstance(of, ObjectOf):
        return "{" + ", ".join(f"{name}: {_type(part)}" for name, part in of.fields.items()) + "}"
    return str(of)


def _table(examples: Examples) -> str:
    return "\n".join(["| condition | answer |", "|---|---|", *_rows(examples), ""])


def _rows(examples: Examples) -> Iterator[str]:
    for text, answer in examples:
        told = (
            answer.text if isinstance(answer, NotAnswered) else f"`{json.dumps(answer, ensure_ascii=False)}`"
        )
        yield f"| `{text}` | {told} |".replace("||", "\\|\\|")
