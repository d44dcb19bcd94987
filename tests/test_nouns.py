"""One definition for each noun: no name of a class or of a type is defined again in another module."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "remit"


def names_in(text: str) -> Iterator[tuple[str, bool, int]]:
    """Each name that the top level of a module defines: whether it is a noun (a class, or a type), and its line."""
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name=name, lineno=line):
                yield name, True, line
            case ast.Assign(targets=[ast.Name(id=name)], value=value, lineno=line):
                yield name, is_type(name, value), line
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, lineno=line):
                yield name, ast.unparse(annotation).endswith("TypeAlias"), line


def is_type(name: str, value: ast.expr) -> bool:
    """Whether *value* gives a type a name. An option of a command is none: its name is the command's own; nor is a
    variable for types, which has no meaning beyond its function."""
    if not re.fullmatch(r"[A-Z]+[a-z]\w*", name):
        return False
    match value:
        case ast.Subscript(value=ast.Name(id=of)):
            return of != "Annotated"
        case ast.Call(func=ast.Name(id=of)):
            return of == "NewType"
        case ast.Name() | ast.Attribute() | ast.BinOp(op=ast.BitOr()):
            return True
    return False


def defined_twice(modules: Mapping[str, str]) -> list[str]:
    """A line for each public name of a noun that another module has, too, as a noun or for anything else."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    nouns = set()
    for module, text in modules.items():
        for name, is_noun, line in names_in(text):
            places[name].append(f"{module}:{line}")
            if is_noun and not name.startswith("_"):
                nouns.add(name)
    return [f"{name}: {', '.join(places[name])}" for name in sorted(nouns) if len(places[name]) > 1]


def test_no_two_modules_define_a_noun_of_one_name() -> None:
    modules = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in sorted(ROOT.rglob("*.py"))}

    assert defined_twice(modules) == []


def test_a_second_class_of_a_name_is_found_with_both_places() -> None:
    modules = {"one.py": "class Place:\n    pass\n", "two.py": "import os\n\nclass Place:\n    pass\n"}

    assert defined_twice(modules) == ["Place: one.py:1, two.py:3"]


def test_an_alias_of_the_name_of_a_class_is_found() -> None:
    modules = {
        "a.py": "class Call: ...",
        "b.py": "Call = tuple[str, int]",
        "c.py": 'Call: TypeAlias = "str | int"',
    }

    assert defined_twice(modules) == ["Call: a.py:1, b.py:1, c.py:1"]


def test_a_second_type_of_a_name_is_found_however_it_is_written() -> None:
    modules = {
        "a.py": "Row = dict[str, int]\nPath: TypeAlias = 'tuple[str, ...]'\nKey = int | str",
        "b.py": "Row = list[int]\nPath = tuple[str | int, ...]\nKey = NewType('Key', int)",
    }

    assert defined_twice(modules) == ["Key: a.py:3, b.py:3", "Path: a.py:2, b.py:2", "Row: a.py:1, b.py:1"]


def test_what_has_no_meaning_beyond_its_module_may_repeat() -> None:
    text = "class _Seen: ...\n_Row = dict[str, int]\nT = TypeVar('T')\nMOST = 3\nId = Annotated[str, Option('--id')]"

    assert defined_twice({"a.py": text, "b.py": text}) == []
