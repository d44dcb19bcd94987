"""Whatever stands in the file of a suite: a suite, or `BadInput` that says where and what."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.core.errors import BadInput
from remit.core.yamltext import parse
from remit.usecases.trials.suite_file import read_suite

from ...core.mutate import damage_text, damage_value
from .test_suite_file import EXAMPLE, FULL, MINIMAL

TEXTS = [MINIMAL, FULL, (EXAMPLE / "suite.yaml").read_text()]
TREES = [parse(text, "f").plain() for text in TEXTS]
LINES = [
    {"id": "c", "input": "see", "checks": TREES[2]["spec"]["tasks"][0]["checks"], "world": {"order": "A-1"}}
]
SEEDS = st.integers(0, 2**64 - 1)
SHORT, LONG = 60, 3_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    (folder / "tasks.jsonl").write_text('{"id": "c", "input": "see"}\n')
    return folder


def read(folder: Path, text: str) -> None:
    path = folder / "suite.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        read_suite(path)
    except BadInput as error:
        assert error.where and error.found, repr(error)
        assert len(str(error)) < 2_500 and str(error).isprintable(), repr(error)


def attack(folder: Path, seed: int) -> None:
    random = Random(seed)
    match random.randrange(3):
        case 0:
            read(folder, damage_text(random.choice(TEXTS), random))
        case 1:
            read(folder, json.dumps(damage_value(random.choice(TREES), random)))
        case _:
            line = json.dumps(damage_value(random.choice(LINES), random))
            line = damage_text(line, random) if random.random() < 0.3 else line
            (folder / "tasks.jsonl").write_bytes(line.encode("utf-8", "surrogatepass"))
            read(folder, TEXTS[1])


@settings(
    max_examples=SHORT,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SEEDS)
def test_a_damaged_suite_is_read_or_refused_clearly(folder: Path, seed: int):
    attack(folder, seed)


@pytest.mark.soak
@settings(
    max_examples=LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SEEDS)
def test_many_damaged_suites_are_read_or_refused_clearly(folder: Path, seed: int):
    attack(folder, seed)
