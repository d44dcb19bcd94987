from typing import Any

import pytest

from remit.core.errors import BadInput
from remit.testing.asked import asked_of


def test_p_may_stand_alone():
    assert asked_of("t", (0.9,), {}).p == 0.9


@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        ((), {}, "p is missing"),
        ((0.9, 0.5), {}, "name all but p"),
        ((0.9,), {"p": 0.9}, "name all but p"),
        ((), {"p": 1.5}, "found 1.5"),
        ((), {"p": True}, "found True"),
        ((), {"p": 0.9, "aims_for": 0.8}, "aim for more"),
        ((), {"p": 0.9, "max_run": 3}, "unknown argument 'max_run'"),
        ((), {"p": 0.9, "max_runs": 0}, "found 0"),
        ((), {"p": 0.9, "runs": 2.5}, "found 2.5"),
        ((), {"p": 0.9, "inconclusive": "pass"}, "use 'fail' or 'skip'"),
        ((), {"p": 0.9, "infrastructure": (3,)}, "classes of exceptions"),
        ((), {"p": 0.9, "principal_kind": "boss"}, "operator or customer"),
        ((), {"p": 0.9, "envelope": 3}, "path of its YAML file"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_would_do(
    args: tuple[Any, ...], kwargs: dict[str, Any], told: str
):
    with pytest.raises(BadInput, match=told):
        asked_of("test_agent.py::test_agent: reliability", args, kwargs)


def test_fewer_runs_can_be_asked_for_on_the_command_line():
    asked = asked_of("t", (0.9,), {"runs": 50}, most=5)

    assert (asked.runs, asked.max_runs) == (5, 5)


def test_nothing_runs_more_often_than_it_asks_for():
    assert asked_of("t", (0.9,), {"max_runs": 7}, most=500).max_runs == 7
