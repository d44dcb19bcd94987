"""What an MCP server says of one of its tools, as far as it can lead an agent astray, and what changed in it.

A definition is everything that a model or we read and that a server can change under our feet: name, title, description,
both schemas and the annotations. Its digest is the SHA-256 of its canonical JSON. What else a server sends with a tool
(icons, `_meta`) is told to no model, and is no part of it.
"""

from __future__ import annotations

import difflib
import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remit.core.canonical import canonical, digest, encode, first_invisible
from remit.core.codec import visible_name
from remit.core.errors import BadInput
from remit.core.notice import visible
from remit.core.types import Json

FIELDS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
MOST_BYTES = 256_000
"""Of one definition as JSON: more is no description of a tool."""
MOST_TOOLS = 2_000
"""Of one server."""
MOST_LIST_BYTES = 8_000_000
"""Of all definitions in one list: they are pinned by one event."""
MOST_NAME = 128
METHODS = frozenset({"resources/read", "prompts/get"})
"""What an envelope lists under these names is the method of MCP, so that no tool may have one."""
_MOST_DIFF_LINES = 2_000
_MOST_DIFF = 20_000
_WIDTH = 100
BLANKS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, range(0xE0100, 0xE01F0)))
)
"""Characters that count as printable and show nothing."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One tool as its server describes it."""

    name: str
    digest: str
    """SHA-256 over the canonical JSON, hex."""
    text: str
    """That JSON."""

    @property
    def value(self) -> dict[str, Json]:
        """The fields that are pinned; those that the server left out or set to null are absent."""
        found: dict[str, Json] = json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True)
class Malformed:
    """Something in a list of tools that no model is shown."""

    name: str
    """As far as it has one, safe to print."""
    why: str


def definition_of(tool: object) -> Definition:
    """The definition in one element of `tools/list`.

    Raises:
        BadInput: no name, a field of the wrong type, too large, or nested too deep.

    >>> definition_of({"name": "add", "title": "A"}) == definition_of({"title": "A", "name": "add", "icons": []})
    True
    """
    if not isinstance(tool, Mapping):
        raise BadInput("tool", f"found {type(tool).__name__}", "an object is a definition")
    name = tool.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= MOST_NAME:
        raise BadInput("tool.name", "missing, empty or too long", f"1 to {MOST_NAME} characters name a tool")
    if first_invisible(name) is not None:
        raise BadInput("tool.name", f"found {visible_name(name)!r}", "visible characters name a tool")
    if name in METHODS:
        raise BadInput("tool.name", f"found {name!r}, which is a method of MCP", "no tool has such a name")
    for key, kind in (("title", str), ("description", str), ("inputSchema", dict), ("annotations", dict)):
        if tool.get(key) is not None and not isinstance(tool[key], kind):
            raise BadInput(f"tool.{key}", f"found {type(tool[key]).__name__}", f"it is a {kind.__name__}")
    told = {key: tool[key] for key in FIELDS if tool.get(key) is not None}
    value = canonical(told, where="tool", max_bytes=MOST_BYTES)
    return Definition(name, digest(value), encode(value).decode())


def read_list(tools: Sequence[object]) -> tuple[dict[str, Definition], list[Malformed]]:
    """The definitions in a list of tools by name, and what in it is none.

    A name that stands twice means neither; of a list without end, nothing is read.
    """
    if len(tools) > MOST_TOOLS:
        return {}, [Malformed("", f"{len(tools)} tools in one list, which is more than {MOST_TOOLS}")]
    found: dict[str, Definition] = {}
    wrong: dict[str, Malformed] = {}
    times = Counter(_name_of(tool) for tool in tools)
    for tool in tools:
        name = _name_of(tool)
        shown = visible_name(name)
        try:
            found[name] = definition_of(tool)
        except BadInput as error:
            wrong[name] = Malformed(shown, f"{error.where}: {error.found}")
        if times[name] > 1:
            wrong[name] = Malformed(shown, "the name stands more than once in the list")
    if sum(len(one.text) for one in found.values()) > MOST_LIST_BYTES:
        return {}, [Malformed("", f"definitions of more than {MOST_LIST_BYTES} bytes in one list")]
    return {name: one for name, one in found.items() if name not in wrong}, list(wrong.values())


def _name_of(tool: object) -> str:
    """What calls itself a name, to be told apart by; empty where nothing does."""
    name = tool.get("name") if isinstance(tool, Mapping) else None
    return name if isinstance(name, str) else ""


# ------------------------------------------------------------------------------------------ showing a change
def lines_of(definition: Definition) -> list[str]:
    """A definition for people, a line for each thing; what a reader would not see stands as an escape."""
    lines = []
    for key, found in definition.value.items():
        text = (
            found
            if isinstance(found, str)
            else json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False)
        )
        lines += [f"{key}:", *(f"  {line}" for line in _wrapped(text))]
    return lines


def difference(before: Definition, after: Definition) -> str:
    """What changed, as a unified diff of at most 20,000 characters.

    >>> one, two = (definition_of({"name": "add", "description": told}) for told in ("Adds.", "Adds!"))
    >>> print(difference(one, two))
    --- pinned
    +++ found
    @@ -1,4 +1,4 @@
     description:
    -  Adds.
    +  Adds!
     name:
       add
    """
    sides = [lines_of(one) for one in (before, after)]
    told = [side[:_MOST_DIFF_LINES] for side in sides]
    found = list(difflib.unified_diff(told[0], told[1], "pinned", "found", lineterm=""))
    if not found and sides[0] != sides[1]:
        found = ["(they differ further down than this can show)"]
    text = "\n".join(found)
    return text if len(text) <= _MOST_DIFF else text[: _MOST_DIFF - 1] + "…"


def _wrapped(text: str) -> Iterator[str]:
    """Lines of at most a hundred characters or so, so that a changed letter is not lost in a long paragraph."""
    for line in text.split("\n"):
        shown = on_view(line)
        yield from textwrap.wrap(shown, _WIDTH, drop_whitespace=False, break_on_hyphens=False) or [""]


def on_view(line: str) -> str:
    """A line with all of its characters on view: what hides, and every blank but a space, as an escape."""
    return "".join(escaped(c) if c in BLANKS else c for c in visible(line, len(line)))


def escaped(character: str) -> str:
    """A character as its Python escape."""
    return character.encode("unicode_escape").decode()
