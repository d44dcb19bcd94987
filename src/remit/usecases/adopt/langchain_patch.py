"""The middleware put into a `create_agent(…)` call, by edits of the source's text: comments and form stay.

Where a call is written so that this could change what it means, nothing is edited, and the place is told instead.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from remit.usecases.adopt.source import Source

_AGENTS = frozenset({"langchain.agents.create_agent", "langchain.agents.factory.create_agent"})
_OTHERS = frozenset(
    {
        "langgraph.prebuilt.create_react_agent",
        "langgraph.prebuilt.ToolNode",
        "langgraph.prebuilt.tool_node.ToolNode",
    }
)
_MODULE = "remit.adapters.langchain"
BY_HAND = """\
import remit
from remit.adapters.langchain import RemitMiddleware
guard = remit.open("remit/envelope.yaml", store="sqlite:///remit.db")
# create_agent(..., middleware=[..., RemitMiddleware(guard)]), as the last of them"""
_HEAD = BY_HAND.splitlines()[:3]
_ITEM = "RemitMiddleware(guard)"
_IMPORTS = (ast.Import, ast.ImportFrom)
_NODE = "ToolNode(tools, wrap_tool_call=m.wrap_tool_call, awrap_tool_call=m.awrap_tool_call), m = RemitMiddleware(guard)"


@dataclass(frozen=True, slots=True)
class Patched:
    """One file with the middleware in it."""

    path: Path
    """Relative to the project."""
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ByHand:
    """A call that is left to a person."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def patched(file: Source) -> tuple[Patched | None, list[ByHand]]:
    """The file with `RemitMiddleware` as the last middleware of every agent, and what must be done by hand."""
    calls = [node for node in ast.walk(file.tree) if isinstance(node, ast.Call)]
    left = [
        ByHand(f"{file.path}:{call.lineno}", f"no create_agent: {_NODE}")
        for call in calls
        if file.meant(call.func) in _OTHERS
    ]
    agents = [call for call in calls if file.meant(call.func) in _AGENTS and not _guarded(file, call)]
    reasons = {call: _unsafe_file(file) or _unsafe_call(call) for call in agents}
    due = [call for call in agents if not reasons[call]]
    made = _Editor(file, due).made() if due else None
    for call in due if made is None else ():
        reasons[call] = "its file is written so that the two lines before it have no safe place"
    left += [ByHand(f"{file.path}:{call.lineno}", why) for call, why in reasons.items() if why]
    if made is None:
        return None, left
    return Patched(file.path, file.raw.decode(), made.decode()), left


def _unsafe_call(call: ast.Call) -> str:
    """Why a call must not be edited; empty where it may be."""
    given = {one.arg: one.value for one in call.keywords}
    if "middleware" not in given and None in given:
        return "it is called with **, in which there may be a middleware"
    return "its middleware is no list" if isinstance(given.get("middleware"), ast.Constant) else ""


def _guarded(file: Source, call: ast.Call) -> bool:
    """Whether the middleware is there already."""
    return any(
        file.meant(node.func) == f"{_MODULE}.RemitMiddleware"
        for node in ast.walk(call)
        if isinstance(node, ast.Call)
    )


def _unsafe_file(file: Source) -> str:
    if b"\r" in file.raw.replace(b"\r\n", b""):
        return "the file has line ends that are neither \\n nor \\r\\n"
    try:
        file.raw.decode()
    except UnicodeDecodeError:
        return "the file is not UTF-8"
    bound = _bound(file.tree)
    taken = sorted({"remit", "RemitMiddleware", "guard"} & bound - _own_imports(file))
    return f"the file has a {' and a '.join(taken)} of its own" if taken else ""


def _bound(tree: ast.Module) -> set[str]:
    """Every name that the file gives a meaning to, in any scope."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.split(".")[0])
    return found


def _own_imports(file: Source) -> set[str]:
    """Names that are remit's already, since its guard is used elsewhere in the file."""
    return {name for name, meant in file.names.items() if meant in ("remit", f"{_MODULE}.RemitMiddleware")}


class _Editor:
    """Positions of the syntax tree in the bytes of one file, and the edits at them."""

    def __init__(self, file: Source, due: Sequence[ast.Call]) -> None:
        self._raw = file.raw
        self._tree = file.tree
        self._due = due
        self._mark = 3 if file.raw.startswith(b"\xef\xbb\xbf") else 0
        self._lines = [0, *(match.end() for match in re.finditer(rb"\n", file.raw))]
        self._newline = "\r\n" if b"\r\n" in file.raw else "\n"
        own = _own_imports(file)
        self._head = [
            line
            for line, name in zip(_HEAD, ("remit", "RemitMiddleware", ""), strict=True)
            if name not in own
        ]

    def made(self) -> bytes | None:
        """The new text; None where it would mean anything but the old one with the middleware in it."""
        place, index = self._place()
        edits = [self._lines_at(place), *(edit for call in self._due for edit in self._middleware(call))]
        parts, at = [], 0
        for edit in sorted(edits, key=lambda one: one.start):
            parts += [self._raw[at : edit.start], edit.text.encode()]
            at = edit.end
        after = b"".join([*parts, self._raw[at:]])
        try:
            found = ast.dump(ast.parse(after))
        except (SyntaxError, ValueError):
            return None
        return after if found == ast.dump(self._intended(index)) else None

    def _intended(self, index: int) -> ast.Module:
        """What the new text must mean, made from the old tree and not from its text."""
        meant = copy.deepcopy(self._tree)
        places = {(call.lineno, call.col_offset, call.end_lineno, call.end_col_offset) for call in self._due}
        for node in ast.walk(meant):
            if isinstance(node, ast.Call):
                place = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
                if place in places:
                    _put_in(node)
        meant.body[index:index] = ast.parse("\n".join(self._head)).body
        return meant

    def _place(self) -> tuple[int, int]:
        """Where the head goes, as index of bytes and of statements: behind the last import before the first agent."""
        body = self._tree.body
        imports = [at for at, one in enumerate(body[: self._first_use()]) if isinstance(one, _IMPORTS)]
        docstring = ast.get_docstring(self._tree, clean=False) is not None
        anchor = imports[-1] if imports else (0 if docstring else -1)
        if anchor < 0:
            first = [*getattr(body[0], "decorator_list", []), body[0]][0]
            return self._lines[first.lineno - 1] or self._mark, 0
        line = body[anchor].end_lineno or 0
        return self._lines[line] if line < len(self._lines) else len(self._raw), anchor + 1

    def _first_use(self) -> int:
        """The index of the first statement with an agent in it: a function may be called before the next import."""
        for at, one in enumerate(self._tree.body):
            if any(node in self._due for node in ast.walk(one)):
                return at
        return len(self._tree.body)

    def _lines_at(self, place: int) -> _Edit:
        """The head as lines of their own: a blank one before the guard, and one behind it."""
        *imports, guard = self._head
        behind = self._raw[place:].lstrip(b" \t")
        lines = [*imports, "", guard, *([] if behind[:1] in (b"", b"\r", b"\n") else [""])]
        broken = place > self._mark and self._raw[place - 1 : place] != b"\n"
        text = (self._newline if broken else "") + "".join(line + self._newline for line in lines)
        return _Edit(place, place, text)

    def _start(self, node: ast.expr | ast.stmt) -> int:
        return self._at(node.lineno, node.col_offset)

    def _end(self, node: ast.expr) -> int:
        return self._at(node.end_lineno or 0, node.end_col_offset or 0)

    def _at(self, line: int, column: int) -> int:
        return self._lines[line - 1] + column + (self._mark if line == 1 else 0)

    def _middleware(self, call: ast.Call) -> list[_Edit]:
        value = next((one.value for one in call.keywords if one.arg == "middleware"), None)
        if value is None:
            arguments = [*call.args, *(one.value for one in call.keywords)]
            last = max(arguments, key=self._end, default=None)
            return self._appended(last, self._end(call) - 1, f"middleware=[{_ITEM}]")
        if isinstance(value, ast.List):
            return self._appended(value.elts[-1] if value.elts else None, self._end(value) - 1, _ITEM)
        plain = isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Tuple)
        before, behind = ("[*", "") if plain else ("[*(", ")")
        start, end = self._start(value), self._end(value)
        return [_Edit(start, start, before), _Edit(end, end, f"{behind}, {_ITEM}]")]

    def _appended(self, last: ast.expr | None, close: int, item: str) -> list[_Edit]:
        """*item* behind the last of a list whose bracket closes at *close*; on a line of its own where they are."""
        if last is None:
            return [_Edit(close, close, item)]
        gap = self._raw[self._end(last) : close]
        plain = re.sub(rb"#[^\n]*", lambda found: b" " * len(found[0]), gap)
        marks = [at for at, char in enumerate(plain) if char in b"),"]
        behind = marks[-1] + 1 if marks else 0
        at, comma = self._end(last) + behind, b"," in plain
        if b"\n" not in plain[behind:]:
            return [_Edit(at, at, f" {item}" if comma else f", {item}")]
        line_end = self._raw.index(b"\n", at)
        line_end -= self._raw[line_end - 1 : line_end] == b"\r"
        added = _Edit(line_end, line_end, f"{self._newline}{self._indent(at)}{item},")
        return [added] if comma else [_Edit(at, at, ","), added]

    def _indent(self, at: int) -> str:
        begin = max(begin for begin in self._lines if begin <= at)
        found = re.compile(rb"[ \t]*").match(self._raw, begin)
        return found[0].decode() if found else ""


def _put_in(call: ast.Call) -> None:
    item = ast.parse(_ITEM, mode="eval").body
    for one in call.keywords:
        if one.arg == "middleware":
            old = one.value.elts if isinstance(one.value, ast.List) else [ast.Starred(one.value, ast.Load())]
            one.value = ast.List([*old, item], ast.Load())
            return
    call.keywords.append(ast.keyword("middleware", ast.List([item], ast.Load())))
