"""Functions that a suite names, `module:function` or `file.py:function` beside it: looked at, and loaded.

Looking runs nothing. Loading imports the module, and so runs the code of whoever wrote the suite.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from remit.core.errors import BadInput
from remit.core.yamltext import Node

_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
HOW = "write module:function, or file.py:function beside the suite"
MOST_SOURCE_BYTES = 10_000_000


class Functions:
    """The functions of one suite; each file and module is loaded once.

    Args:
        folder: where the suite stands; files are relative to it, and modules are also found there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._modules: dict[str, ModuleType] = {}

    def check(self, node: Node) -> Callable[..., Any]:
        """That a name has its form and that its file is there; nothing runs, and what is returned must not be called."""
        if callable(node.value):
            return _not_loaded
        target, _ = _parts(node)
        if target.endswith(".py"):
            self.source(node)
        return _not_loaded

    def source(self, node: Node) -> bytes:
        """The text of the file of a function; nothing where it is named by its module.

        Raises:
            BadInput: there is no such file.
        """
        target, _ = _parts(node)
        if not target.endswith(".py"):
            return b""
        path = self._folder / target
        if path.exists() and not path.is_file():
            raise node.error(f"'{path}' is no file", "name a Python file")
        try:
            with path.open("rb") as file:
                data = file.read(MOST_SOURCE_BYTES + 1)
        except FileNotFoundError:
            raise node.error(f"no file '{path}'", "paths are relative to the suite") from None
        except (OSError, ValueError) as error:
            raise node.error(f"'{path}' cannot be read: {error}", "check the path and its rights") from None
        if len(data) > MOST_SOURCE_BYTES:
            raise node.error(f"'{path}' has more than {MOST_SOURCE_BYTES:,} bytes", HOW)
        return data

    def load(self, node: Node) -> Callable[..., Any]:
        """The function itself; a function that stands there in place of a name is taken as it is.

        Raises:
            BadInput: it cannot be loaded, or is no function.
        """
        if callable(node.value):
            function: Callable[..., Any] = node.value
            return function
        target, names = _parts(node)
        found: Any = self._module(target, node)
        for name in names.split("."):
            if not hasattr(found, name):
                near = [
                    one for one in vars(found) if callable(getattr(found, one)) and not one.startswith("_")
                ]
                raise node.error(
                    f"'{target}' has no '{name}'", f"it has {', '.join(near[:20]) or 'no function'}"
                )
            found = getattr(found, name)
        if not callable(found):
            raise node.error(f"'{names}' of '{target}' is {type(found).__name__}, no function", HOW)
        callable_: Callable[..., Any] = found
        return callable_

    def plain(self, node: Node) -> Callable[..., Any]:
        """The same, which is no coroutine function: a check is asked, and answers."""
        found = self.load(node)
        if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
            raise node.error("is a coroutine or a generator", "write a plain function")
        return found

    def _module(self, target: str, node: Node) -> ModuleType:
        if target not in self._modules:
            folder = str(self._folder.resolve())
            if folder not in sys.path:
                sys.path.append(folder)  # behind all others: a file beside a suite hides no installed module
            try:
                self._modules[target] = self._imported(target, node)
            except BadInput:
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001 - somebody else's module may raise anything
                raise node.error(
                    f"'{target}' cannot be loaded: {_told(error)}", "mend it, or install it"
                ) from None
        return self._modules[target]

    def _beside(self, module: ModuleType, target: str, node: Node) -> ModuleType:
        """The module, which is the one beside the suite where there is one: another suite may have brought its own."""
        stem = self._folder.joinpath(*target.split("."))
        own = [path.resolve() for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()]
        file = getattr(module, "__file__", None)
        if own and (file is None or Path(file).resolve() not in own):
            told = f"'{target}' is {file or 'a built-in module'}, not the file beside the suite"
            raise node.error(told, f"write {target.replace('.', '/')}.py:FUNCTION")
        return module

    def _imported(self, target: str, node: Node) -> ModuleType:
        if not target.endswith(".py"):
            return self._beside(importlib.import_module(target), target, node)
        self.source(node)
        path = (self._folder / target).resolve()
        name = f"remit_suite_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise node.error(f"'{path}' is no Python file", HOW)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickle look for it there
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module


def _parts(node: Node) -> tuple[str, str]:
    text = node.text()
    target, colon, names = text.rpartition(":")
    is_file = target.endswith(".py") and "\0" not in target and len(target) < 1_000
    if not colon or not _WORDS.match(names) or not (is_file or _WORDS.match(target)):
        raise node.error(f"found {node.shown}", HOW)
    return target, names


def _told(error: BaseException) -> str:
    """What went wrong while a module was loaded, with the last line of it that was reached."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if "importlib" not in one.filename]
    at = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames[2:] else ""
    return f"{type(error).__name__}: {error}{at}"


def _not_loaded(*_: object) -> object:
    raise RuntimeError("a suite that was only read runs nothing")
