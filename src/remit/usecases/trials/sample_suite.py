"""The files of a sampled suite: the suite, with its tasks in it or, where they are many, in a file beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from remit.core.types import Json
from remit.usecases.trials.sample import Sampled
from remit.usecases.trials.sample_task import fallback

MOST_INLINE = 30
MOST_INLINE_CHARACTERS = 200_000
"""Tasks, and characters of them, that stand in the suite itself."""
MOST_KEY = 500
"""Characters of a key there; YAML ends at 1,024."""
HEAD = """# Sampled from captured sessions: each task is one of them, and its weight says how many it stands for. Tools
# answer from the record and do nothing. Texts of users and results of tools stand in {where}: treat it as
# you treat the sessions.
"""
GATES = """  # What is enough is yours to say; while there is no gate, a run passes nothing:
  # gates: [{success: {at_least: 0.9}}]
"""


def suite_files(
    found: Sampled,
    path: Path,
    *,
    name: str,
    agent: Mapping[str, Json],
    seed: int,
    epochs: int,
    envelope: str = "",
) -> Iterator[tuple[Path, bytes]]:
    """The files, each with its content.

    Args:
        found: the sample.
        path: of the suite.
        name: of the suite.
        agent: as the suite says it.
        seed: of the design.
        epochs: runs of each task.
        envelope: path of it, relative to the suite.
    """
    lines = [_yaml(task) for task in found.tasks]
    short = sum(map(len, lines)) <= MOST_INLINE_CHARACTERS and _longest_key(found.tasks) <= MOST_KEY
    inline = len(lines) <= MOST_INLINE and short
    beside = path.with_name(f"{path.stem}.tasks.jsonl")
    if not inline:
        yield beside, tasks_bytes(found)
    text = HEAD.format(where="this file" if inline else "the file of tasks")
    text += f"apiVersion: remit/v1\nkind: TrialSuite\nmetadata: {_yaml({'name': name})}\nspec:\n"
    spec: dict[str, Json] = {"envelope": envelope} if envelope else {}
    spec |= {"agent": agent, "design": {"fixed": {"epochs": epochs}, "seed": seed, "question": "population"}}
    if found.tools:
        spec["world"] = {"answers": fallback(found.tools)}
    spec["coverage"] = found.coverage
    if not inline:
        spec["tasks_from"] = beside.name
    text += "".join(f"  {key}: {_yaml(value)}\n" for key, value in spec.items())
    text += GATES
    if inline:
        text += "  tasks:\n" + "".join(f"    - {line}\n" for line in lines)
    yield path, text.encode()


def tasks_bytes(found: Sampled) -> bytes:
    """The tasks as JSON Lines, for `tasks_from:` of any suite."""
    return "".join(f"{json.dumps(task, allow_nan=False)}\n" for task in found.tasks).encode()


def _yaml(value: Json) -> str:
    """A value in YAML's flow form, which is that of JSON but for escapes: YAML has no pairs of surrogates."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _longest_key(value: object) -> int:
    if isinstance(value, Mapping):
        return max((max(len(str(key)), _longest_key(inner)) for key, inner in value.items()), default=0)
    return max(map(_longest_key, value), default=0) if isinstance(value, list | tuple) else 0
