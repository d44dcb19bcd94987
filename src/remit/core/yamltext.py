"""YAML read strictly: positions kept, duplicate keys, aliases of endless growth and odd scalars refused.

`ruamel.yaml` (YAML 1.2, pure) parses; what it resolves silently and we do not want is refused here, with the line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from remit.core.errors import BadInput

MAX_CHARACTERS = 1_000_000
MAX_NODES = 50_000
MAX_DEPTH = 64

_PREFIX = "tag:yaml.org,2002:"
_INT = re.compile(r"-?(0|[1-9][0-9]{0,15})\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?\Z")


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the file with its place."""

    value: Any
    """str, int, float, bool, None, list of Node, or dict of str to Node."""
    line: int
    """1-based; 0 where it comes from no file."""
    path: str
    """Key path such as `spec.tools.refund.require[0]`."""
    file: str

    def error(self, found: str, remedy: str = "") -> BadInput:
        """The error to raise about this place."""
        return BadInput(self.where, found, remedy)

    @property
    def where(self) -> str:
        """The place, for errors."""
        line = f":{self.line}" if self.line else ""
        return f"{self.file}{line}: {self.path or 'document'}"

    def mapping(self) -> dict[str, Node]:
        """The keys, or an error when this is no mapping."""
        if not isinstance(self.value, dict):
            raise self.error(f"found {self.kind}", "write a mapping of key: value")
        return self.value

    def items(self) -> list[Node]:
        """The items, or an error when this is no list."""
        if not isinstance(self.value, list):
            raise self.error(f"found {self.kind}", "write a list, [..] or lines that begin with '-'")
        return self.value

    def keys(
        self, known: Sequence[str], required: Sequence[str] = (), later: Sequence[str] = ()
    ) -> dict[str, Node]:
        """The mapping, every key of it known.

        Args:
            known: keys that are understood here.
            required: keys that must be there.
            later: keys of the language that this version does not support.
        """
        found = self.mapping()
        for key, node in found.items():
            if key in later:
                raise node.error(
                    f"'{key}' is not supported in this version", "remove it, or use a version that has it"
                )
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean '{near[0]}'? " if near else ""
                raise node.error(f"unknown key '{key}'", f"{hint}known here: {', '.join(known)}")
        for key in required:
            if key not in found:
                raise self.error(f"'{key}' is missing", f"add '{key}:'")
        return found

    def text(self) -> str:
        """The string, or an error when this is something else."""
        if not isinstance(self.value, str):
            raise self.error(f"found {self.told}", "write a string (quote it)")
        return self.value

    def choice(self, options: Sequence[str]) -> str:
        """One of *options*."""
        text = self.text()
        if text not in options:
            near = difflib.get_close_matches(text, options, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise self.error(f"found '{text}'", f"{hint}use one of {', '.join(options)}")
        return text

    def number(self, minimum: float, *, integer: bool = False, exclusive: bool = False) -> float:
        """A number that is at least (or above) *minimum*."""
        value = self.value
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or (integer and type(value) is not int)
        ):
            raise self.error(f"found {self.told}", f"write {'an integer' if integer else 'a number'}")
        if value < minimum or (exclusive and value == minimum):
            raise self.error(
                f"found {value}", f"write a number {'above' if exclusive else 'of at least'} {minimum:g}"
            )
        return value

    @property
    def kind(self) -> str:
        """What this is, in a word for an error."""
        names = {dict: "a mapping", list: "a list", str: "a string", bool: "a boolean", int: "an integer"}
        return "nothing" if self.value is None else names.get(type(self.value), "a number")

    @property
    def shown(self) -> str:
        """The value, short, for an error."""
        if isinstance(self.value, dict | list) or self.value is None:
            return ""
        return repr(self.value)[:60]

    @property
    def told(self) -> str:
        """Kind and value, as far as the value is short."""
        return f"{self.kind} {self.shown}".rstrip()

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def parse(text: str, file: str, *, begin: str = "start from `remit init`") -> Node:
    """The one document in *text*.

    Args:
        text: of the file.
        file: its name, for errors.
        begin: what to do where the file is empty.

    Raises:
        BadInput: malformed YAML, a duplicate key, more than one document, an odd scalar, or too large a file.
    """
    if len(text) > MAX_CHARACTERS:
        raise BadInput(file, f"{len(text)} characters", f"at most {MAX_CHARACTERS} are read")
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False  # `_check_anchors` refuses them
        root = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else file
        raise BadInput(
            place, f"not YAML: {error.problem or error.context or 'malformed'}", "mend the syntax"
        ) from None
    except RecursionError:
        raise BadInput(file, "nested too deeply", f"at most {MAX_DEPTH} levels") from None
    except (YAMLError, ValueError) as error:
        raise BadInput(file, f"not YAML: {str(error).splitlines()[0]}", "mend the syntax") from None
    if root is None:
        raise BadInput(file, "the file is empty", begin)
    _check_anchors(root, file)
    count = iter(range(MAX_NODES))
    return _read(root, "", file, 0, count)


def _check_anchors(root: Any, file: str) -> None:
    """Refuse a name given twice: an alias between the two would mean the first, and one after them the second."""
    named: dict[str, Any] = {}
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        first = named.setdefault(node.anchor, node) if node.anchor else node
        if first is not node:
            line = max(first.start_mark.line, node.start_mark.line) + 1
            raise BadInput(f"{file}:{line}", f"anchor '&{node.anchor}' is there twice", "name each once")
        if isinstance(node.value, list):
            for part in node.value:
                waiting.extend(part if isinstance(part, tuple) else [part])


def _read(node: Any, path: str, file: str, depth: int, count: Iterator[int]) -> Node:
    line = node.start_mark.line + 1
    here = Node(None, line, path, file)
    if next(count, None) is None:
        raise here.error(f"more than {MAX_NODES} values", "check the aliases (*name)")
    if depth > MAX_DEPTH:
        raise here.error("nested too deeply", f"at most {MAX_DEPTH} levels")
    tag = node.tag.removeprefix(_PREFIX) if isinstance(node.tag, str) else str(node.tag)
    if tag == "map":
        return Node(_mapping(node, path, file, depth, count), line, path, file)
    if tag == "seq":
        items = [_read(item, f"{path}[{i}]", file, depth + 1, count) for i, item in enumerate(node.value)]
        return Node(items, line, path, file)
    return Node(_scalar(node.value, tag, here), line, path, file)


def _mapping(node: Any, path: str, file: str, depth: int, count: Iterator[int]) -> dict[str, Node]:
    read: dict[str, Node] = {}
    for key, value in node.value:
        here = Node(None, key.start_mark.line + 1, path, file)
        if key.tag == _PREFIX + "merge":
            raise here.error(
                "found the merge key '<<'", "write the keys themselves, or the whole mapping as *name"
            )
        if key.tag not in (_PREFIX + "str", _PREFIX + "timestamp", _PREFIX + "int"):
            raise here.error(f"key {key.value!r} is not a string", "quote it")
        if key.value in read:
            first = read[key.value].line
            raise here.error(f"duplicate key '{key.value}' (first at line {first})", "keep one of them")
        inner = f"{path}.{key.value}" if path else str(key.value)
        read[key.value] = _read(value, inner, file, depth + 1, count)
    return read


def _scalar(value: str, tag: str, here: Node) -> str | int | float | bool | None:
    if tag in ("str", "timestamp"):
        return _joined(value) if _SURROGATE.search(value) else value
    if tag == "null":
        return None
    if tag == "bool":
        return value.lower() == "true"
    if tag == "int" and _INT.match(value):
        return int(value)
    if tag == "float" and _FLOAT.match(value):
        number = float(value)
        if number not in (float("inf"), float("-inf")):
            return number
    if tag in ("int", "float"):
        raise here.error(f"found {value[:40]!r}", "write a plain decimal number, or quote it")
    raise here.error(f"found a value with tag {tag!r}", "write it without a tag")


def _joined(text: str) -> str:
    r"""A text in which a character was escaped as two surrogates, as JSON writes it ("\ud83d\ude00"), is that character.

    One that stands alone stays, and is refused where it matters.
    """
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        return text
