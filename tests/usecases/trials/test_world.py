import copy
import re
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from remit.core.errors import BadInput, Unavailable
from remit.core.trial.suite import Task
from remit.ports import World
from remit.usecases.trials.functions import Functions
from remit.usecases.trials.suite_code import suite_of
from remit.usecases.trials.world import MadeWorld, Uncopied, world_of
from remit.usecases.trials.world_answers import DeclaredFailure, NoAnswer

TASK = Task("a", "hi", world={"price": 45})


class Shop:
    kind = "shop"

    def __init__(self, price: int = 45) -> None:
        self.price, self.refunds, self._secret = price, [0], object()

    def refund(self, amount: int) -> str:
        self.refunds.append(amount)
        return "ok"

    @staticmethod
    def greet() -> str:
        return "hi"

    def _hidden(self) -> None: ...


class Told(Shop):
    def state(self) -> Any:
        return {"sum": sum(self.refunds), "all": tuple(self.refunds)}

    def copy(self) -> "Told":
        return copy.deepcopy(self)


class Listed:
    def __init__(self) -> None:
        self.n = 0
        self.tools = {"add": self.add}
        self.state = {"n": 0}

    def add(self, by: int) -> int:
        self.n += by
        self.state["n"] = self.n
        return self.n


def closed_over() -> dict[str, Any]:
    count = [0]

    def add() -> int:
        count[0] += 1
        return count[0]

    return {"add": add}


def making(world: Any, task: Task = TASK) -> World:
    make = world_of(suite_of("s", tasks=[task], agent=len, world=world), Functions(Path()))
    assert make is not None
    return make(task, 7)


def test_public_methods_are_the_tools_and_public_attributes_the_state():
    world = making(lambda task_world, seed: Shop(**task_world))

    assert sorted(world.tools) == ["greet", "refund"]
    assert world.tools["refund"](amount=5) == "ok"
    assert world.snapshot() == {"price": 45, "refunds": [0, 5]}


def test_a_world_may_tell_its_state_and_name_its_tools():
    told, listed = MadeWorld(Told()), MadeWorld(Listed())
    listed.tools["add"](by=3)

    assert told.snapshot() == {"sum": 0, "all": [0]} and sorted(told.tools) == ["greet", "refund"]
    assert listed.snapshot() == {"n": 3} and list(listed.tools) == ["add"]


@pytest.mark.parametrize("made", [Shop, Told, Listed], ids=["attributes", "own copy", "mapping of methods"])
def test_what_is_done_to_a_copy_leaves_the_world_as_it_is(made: Any):
    world = MadeWorld(made())
    before = world.snapshot()
    other = world.copy()
    name, args = ("add", {"by": 2}) if made is Listed else ("refund", {"amount": 2})
    other.tools[name](**args)

    assert world.snapshot() == before != other.snapshot()


def shares_itself() -> Any:
    class Selfish(Shop):
        def copy(self) -> "Selfish":
            return self

    return Selfish()


def locked() -> Any:
    shop = Shop()
    shop._lock = threading.Lock()  # type: ignore[attr-defined]
    return shop


def shares_a_tool() -> Any:
    class Sharing(Shop):
        def copy(self) -> "Sharing":
            other = Sharing()
            other.refund = self.refund  # type: ignore[method-assign]
            return other

        @property
        def tools(self) -> Any:
            return {"refund": self.refund}

    return Sharing()


@pytest.mark.parametrize(
    ("made", "told"),
    [(closed_over, "tool 'add' of a copy"), (shares_itself, "the world itself"), (locked, "give it a method copy()"),
     (shares_a_tool, "tool 'refund' of a copy")],
)  # fmt: skip
def test_what_cannot_be_copied_says_so(made: Any, told: str):
    with pytest.raises(Uncopied, match=re.escape(told)):
        MadeWorld(made()).copy()


def test_a_state_without_a_form_in_json_is_told():
    shop = Shop()
    shop.refunds = {1, 2}  # type: ignore[assignment]

    with pytest.raises(BadInput, match="set"):
        MadeWorld(shop).snapshot()


@pytest.mark.parametrize(
    ("factory", "told"),
    [
        (lambda world, seed: None, "NoneType has no tools"),
        (lambda world, seed: {}, "has no tools"),
        (lambda world, seed: {"a": 1}, "no mapping of names to functions"),
        (lambda world, seed: 1 / 0, "ZeroDivisionError"),
        (lambda world, seed: exit(1), "SystemExit"),
        (lambda: None, "TypeError"),
    ],
)
def test_a_world_that_cannot_be_made_is_nobodys_failure(factory: Any, told: str):
    with pytest.raises(Unavailable, match=re.escape(told)):
        making(factory)


def test_a_factory_cannot_change_the_task():
    def meddles(task_world: Any, seed: int) -> Shop:
        task_world["price"] = 1
        return Shop()

    making(meddles)

    assert TASK.world == {"price": 45}


ANSWERS = {
    "answers": [
        {"tool": "look", "args": {"id": "A-1"}, "result": {"price": 45}, "times": 1},
        {"tool": "look", "args": {"id": "A-1"}, "result": {"price": 50}},
        {"tool": "refund", "error": "card declined"},
    ]
}


def test_declared_answers_are_given_in_order_and_run_out():
    world = making(ANSWERS, Task("a"))

    looks = [world.tools["look"](id="A-1", verbose=True) for _ in range(3)]

    assert [look["price"] for look in looks] == [45, 50, 50]
    with pytest.raises(DeclaredFailure, match="card declined"):
        world.tools["refund"](amount=1)


def test_a_call_that_no_answer_fits_is_told_as_such():
    world = making(ANSWERS, Task("a"))

    with pytest.raises(
        NoAnswer, match=r'no answer for look\(\{"id":"A-2"\}\); it declares one for \{"id":"A-1"\}'
    ):
        world.tools["look"](id="A-2")
    assert world.snapshot() == {"answered": [], "unanswered": [{"tool": "look", "args": {"id": "A-2"}}]}


def test_a_task_adds_its_own_answers_and_they_come_first():
    world = making(
        ANSWERS,
        Task("a", world={"answers": [{"tool": "refund", "result": "R-1"}, {"tool": "ask", "result": 1}]}),
    )

    assert world.tools["refund"](amount=1) == "R-1" and set(world.tools) == {"refund", "ask", "look"}


def test_answers_are_copied_as_far_as_they_were_given():
    world = making(ANSWERS, Task("a"))
    other = world.copy()

    assert other.tools["look"](id="A-1")["price"] == 45
    assert world.tools["look"](id="A-1")["price"] == 45
    assert world.tools["look"](id="A-1")["price"] == 50 == world.copy().tools["look"](id="A-1")["price"]


def test_an_answer_that_the_agent_changes_stays_as_it_was_declared():
    world = making(ANSWERS, Task("a"))
    world.tools["look"](id="A-1")
    world.tools["look"](id="A-1")["price"] = 1

    assert world.tools["look"](id="A-1")["price"] == 50


def test_partial_functions_over_nothing_shared_can_be_copied():
    world = MadeWorld({"greet": partial(str.upper, "hi"), "plain": Shop.greet})

    assert world.copy().tools["greet"]() == "HI" and world.snapshot() is None
