"""One command line and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.cli.main import main


@dataclass(frozen=True)
class Ran:
    """Exit code and output of one command."""

    code: int
    out: str
    err: str

    @property
    def object(self) -> Any:
        """The one JSON object on stdout."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    @property
    def lines(self) -> list[Any]:
        """JSON Lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


Remit = Callable[..., Ran]


@pytest.fixture
def remit(capsys: pytest.CaptureFixture[str]) -> Remit:
    def run(*args: object) -> Ran:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def examples() -> Path:
    return Path(__file__).parents[2] / "examples/envelopes"


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str | bytes | Sequence[Any]], Path]:
    """A file with this text, these bytes, or one JSON value a line."""

    def write(name: str, content: str | bytes | Sequence[Any]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        else:
            path.write_text("".join(json.dumps(one) + "\n" for one in content), encoding="utf-8")
        return path

    return write
