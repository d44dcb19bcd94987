"""Shell command lines: one simple command of plain words, or a refusal. A tool that takes argv is better.

Three readers must find the same words: the rules below, Python's `shlex`, and the grammar of bash in
`tree-sitter-bash`. Whatever a shell would expand, redirect, run or leave out is refused, also where this shell would
not, since zsh or an interactive bash might.
"""

from __future__ import annotations

import re
import shlex
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from remit.core.canonical import first_invisible
from remit.core.cel.errors import ConditionError
from remit.core.cel.functions.shell_programs import runs_a_program
from remit.core.cel.functions.words import words

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_TEXT: Final = 8000
"""Characters of one command line."""

# A tilde between letter and digit is a revision of git, HEAD~1: no shell expands it there unless told to glob more.
_BARE: Final = r"(?:[A-Za-z0-9_./:,+@%=#-]|(?<=[A-Za-z0-9])~(?=[0-9]))+"
_SINGLE: Final = r"'[^']*'"
_DOUBLE: Final = r'"(?:[^"\\$`]|\\[^$`]|\$(?="))*"'  # the dollar that ends "foo$" is one
_PART: Final = re.compile(rf"({_BARE})|({_SINGLE})|({_DOUBLE})")
_WORD: Final = re.compile(rf"(?:{_BARE}|{_SINGLE}|{_DOUBLE})++(?= |\Z)")
_ESCAPE: Final = re.compile(r'\\(["\\])')
_RESERVED: Final = words(
    "! case coproc do done elif else end esac fi for foreach function if in nocorrect noglob repeat select then time "
    "until while [[ ]]"
)
_PLAIN_NODES: Final = frozenset({"command_name", "concatenation", "number", "raw_string", "string", "word"})


def shell_argv(text: str) -> list[str]:
    """The words of one simple command, as the shell would hand them to the program.

    Refused are operators, redirections, expansions and globs of any kind, assignments, comments, control structures,
    line breaks, invisible characters, anything but ASCII outside of quotes, and more than 8,000 characters. Refused,
    too, is a command that runs another one: a wrapper such as ``env`` or ``xargs``, and options such as
    ``find -exec``, ``git -c`` or ``tar --checkpoint-action``, and ``find -delete``. Not seen is what a script in a file,
    an interpreter, a build or a setting made earlier would run. Which commands may run, and with which arguments, is
    the condition's to say.

    >>> shell_argv("grep -n 'a; b' file.txt")
    ['grep', '-n', 'a; b', 'file.txt']
    >>> shell_argv("ls $(id)")
    Traceback (most recent call last):
    remit.core.cel.errors.ConditionError: shell_argv: at character 3: not a plain or quoted word
    """
    if len(text) > MAX_TEXT:
        raise _refusal(f"longer than {MAX_TEXT} characters")
    return list(_argv(text))


def load() -> None:
    """Import the parser; raises ImportError."""
    import tree_sitter
    import tree_sitter_bash

    tree_sitter.Language(tree_sitter_bash.language())


@lru_cache(maxsize=2048)
def _argv(text: str) -> tuple[str, ...]:
    if first_invisible(text) is not None:
        raise _refusal("a line break, tab or invisible character")
    spans = _words(text)
    argv = tuple(_decoded(text[start:end]) for start, end in spans)
    _check_command(text[spans[0][0] : spans[0][1]], argv)
    _second_opinions(text, spans, argv)
    found = runs_a_program(argv)
    if found:
        raise _refusal(found)
    return argv


def _words(text: str) -> list[tuple[int, int]]:
    """Return where each word begins and ends."""
    spans, at = [], 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        found = _WORD.match(text, at)
        if found is None or text[at] == "#" or (text[at] == "=" and found.end() > at + 1):
            raise _refusal(f"at character {at}: not a plain or quoted word")
        spans.append(found.span())
        at = found.end()
    if not spans:
        raise _refusal("no command")
    return spans


def _decoded(word: str) -> str:
    return "".join(
        bare or (single[1:-1] if single else _ESCAPE.sub(r"\1", double[1:-1]))
        for bare, single, double in _PART.findall(word)
    )


def _check_command(raw: str, argv: tuple[str, ...]) -> None:
    name = argv[0]
    if "=" in raw:
        raise _refusal("an assignment before the command")
    if not name or name != name.strip() or not name.isascii() or name.lower() in _RESERVED:
        raise _refusal("the first word is no command")
    if raw != name and not set(raw) - set(name) <= {"'", '"'}:
        raise _refusal("the first word is no command")


def _second_opinions(text: str, spans: list[tuple[int, int]], argv: tuple[str, ...]) -> None:
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if tuple(words) != argv or _by_grammar(text) != spans:
        raise _refusal("two readers disagree on the words")


def _by_grammar(text: str) -> list[tuple[int, int]]:
    """Return where the words are according to the grammar of bash; empty if it is not one simple command."""
    import tree_sitter
    import tree_sitter_bash

    data = text.encode("utf-8")
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
    root = parser.parse(data).root_node
    if root.has_error or len(root.children) != 1 or root.children[0].type != "command":
        return []
    words = root.children[0].children
    if not all(_plain(word) for word in words):
        return []
    return [(_offset(data, word.start_byte), _offset(data, word.end_byte)) for word in words]


def _plain(node: Node) -> bool:
    if node.type == "string":
        return all(child.type in {'"', "$", "string_content"} for child in node.children)
    inner: list[Any] = node.children
    return node.type in _PLAIN_NODES and all(_plain(child) for child in inner)


def _offset(data: bytes, at: int) -> int:
    return len(data[:at].decode("utf-8"))


def _refusal(found: str) -> ConditionError:
    return ConditionError(f"shell_argv: {found}")
