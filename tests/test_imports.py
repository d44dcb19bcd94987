"""What an import costs and touches: the core stays pure, and `import remit` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

CORE = Path(__file__).parent.parent / "src" / "remit" / "core"
HEAVY = (
    "apsw",
    "typer",
    "rich",
    "numpy",
    "cryptography",
    "ruamel",
    "jsonschema_rs",
    "re2",
    "asyncio",
    "hypothesis",
)


def loaded_by(code: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in told.stdout.split()}


def test_importing_remit_imports_nothing_heavy() -> None:
    assert not loaded_by("import remit; remit.__all__; remit.__version__") & set(HEAVY)


def test_catching_an_error_imports_nothing_heavy() -> None:
    assert not loaded_by("import remit; remit.Refused; remit.BadInput; remit.Unavailable") & set(HEAVY)


@pytest.mark.parametrize(
    "module", ["remit.core.errors", "remit.core.types", "remit.core.refusals", "remit.settings"]
)
def test_the_nouns_import_no_third_party(module: str) -> None:
    assert not loaded_by(f"import {module}") & {*HEAVY, "msgspec"}


def test_opening_a_guard_needs_no_command_line_and_no_statistics() -> None:
    assert not loaded_by("import remit; remit.open") & {"typer", "rich", "numpy", "scipy"}


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_opens_prints_and_asks_for_nothing(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    assert not names & {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}
