"""One definition for each noun: no name of a class is defined again in another module."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "remit"


def names_in(text: str) -> Iterator[tuple[str, bool, int]]:
    """Each public name that the top level of a module defines: whether it is a class, and its line."""
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name=name, lineno=line):
                yield name, True, line
            case ast.Assign(targets=[ast.Name(id=name)], lineno=line):
                yield name, False, line
            case ast.AnnAssign(target=ast.Name(id=name), lineno=line):
                yield name, False, line


def defined_twice(modules: Mapping[str, str]) -> list[str]:
    """A line for each public name of a class that another module has, too, as a class or for anything else."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    classes = set()
    for module, text in modules.items():
        for name, is_class, line in names_in(text):
            places[name].append(f"{module}:{line}")
            if is_class and not name.startswith("_"):
                classes.add(name)
    return [f"{name}: {', '.join(places[name])}" for name in sorted(classes) if len(places[name]) > 1]


def test_no_two_modules_define_a_class_of_one_name() -> None:
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


def test_private_classes_and_aliases_among_themselves_may_repeat() -> None:
    modules = {"a.py": "class _Seen: ...\nRow = dict[str, int]", "b.py": "class _Seen: ...\nRow = list[int]"}

    assert defined_twice(modules) == []
