import os
import re
from pathlib import Path

import pytest

from remit.core.errors import BadInput
from remit.core.yamltext import Node
from remit.usecases.trials.functions import Functions


def named(value: object) -> Node:
    return Node(value, 3, "spec.agent.python", "suite.yaml")


def functions(folder: Path, **files: str) -> Functions:
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.write_text(text)
    return Functions(folder)


def test_a_function_is_loaded_from_a_file_beside_the_suite_that_may_import_others(tmp_path: Path):
    found = functions(
        tmp_path,
        suite_helper_one="RATE = 3\n",
        agent="import dataclasses, suite_helper_one\n@dataclasses.dataclass\nclass A:\n    x: int\n"
        "    def run(self): ...\ndef answer(n): return n * suite_helper_one.RATE\n",
    )

    assert found.load(named("agent.py:answer"))(2) == 6
    assert found.load(named("agent.py:A.run")).__qualname__ == "A.run"


def test_a_file_is_loaded_once_and_anew_for_another_suite(tmp_path: Path):
    found = functions(
        tmp_path, agent="import itertools\nn = itertools.count()\ndef a(): return next(n)\nb = a\n"
    )

    assert (found.load(named("agent.py:a"))(), found.load(named("agent.py:b"))()) == (0, 1)
    assert Functions(tmp_path).load(named("agent.py:a"))() == 0


def test_a_module_of_another_suite_is_not_taken_for_the_one_beside_this(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "suite_agent_x.py").write_text(f"def a(): return {name!r}\n")

    assert Functions(tmp_path / "one").load(named("suite_agent_x:a"))() == "one"
    with pytest.raises(BadInput, match=r"not the file beside the suite; write suite_agent_x.py:FUNCTION"):
        Functions(tmp_path / "two").load(named("suite_agent_x:a"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("agent.py:nope", "'agent.py' has no 'nope'; it has answer"),
        ("agent.py:N", "'N' of 'agent.py' is int, no function"),
        ("broken.py:f", "'broken.py' cannot be loaded: ZeroDivisionError: division by zero (broken.py:2)"),
        ("syntax.py:f", "'syntax.py' cannot be loaded: SyntaxError"),
        ("exits.py:f", "'exits.py' cannot be loaded: SystemExit: 3"),
        ("no_such_module_x:f", "'no_such_module_x' cannot be loaded: ModuleNotFoundError"),
        ("nope.py:f", "no file"),
        ("agent.py", "module:function"),
        (":f", "module:function"),
        ("a b:f", "module:function"),
        ("agent.py:f()", "module:function"),
        ("x\0.py:f", "module:function"),
        (3, "write a string"),
    ],
)
def test_what_cannot_be_loaded_is_told_with_its_place(tmp_path: Path, name: object, told: str):
    found = functions(
        tmp_path,
        agent="N = 1\ndef answer(): ...\n",
        broken="x = 1\ny = x / 0\n",
        syntax="def f(:\n",
        exits="exit(3)\n",
    )

    with pytest.raises(BadInput, match=re.escape(told)) as error:
        found.load(named(name))

    assert str(error.value).startswith("suite.yaml:3: spec.agent.python: ")


def test_a_check_is_no_coroutine_function(tmp_path: Path):
    found = functions(tmp_path, checks="async def c(trial): return True\ndef g(trial): yield\n")

    for name in ("checks.py:c", "checks.py:g"):
        with pytest.raises(BadInput, match="write a plain function"):
            found.plain(named(name))
    assert found.load(named("checks.py:c"))


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.py")

    with pytest.raises(BadInput, match="is no file"):
        Functions(tmp_path).check(named("pipe.py:f"))


def test_looking_at_a_name_runs_nothing(tmp_path: Path):
    found = functions(tmp_path, agent=f"open({str(tmp_path / 'ran')!r}, 'w')\ndef a(): ...\n")
    found.check(named("agent.py:a"))

    assert not (tmp_path / "ran").exists()
