import asyncio
import copy
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from remit.core.trial.judge import Judge
from remit.core.trial.suite import Rule, Task
from remit.core.trial.trial import Breach, TrialCall
from remit.core.trial.view import TrialView
from remit.ports import World
from remit.usecases.trials.loaded import LoadedSuite, load
from remit.usecases.trials.suite_code import suite_of
from remit.usecases.trials.watching import CallWatch
from remit.usecases.trials.world import MadeWorld

TASK = Task("a", "refund")
REPEATS = Rule("idempotent", "idempotent", {"tools": ["refund", "later", "fails", "fails_later", "odd"]})
GROWS = Rule("grows", "monotonic", {"value": "state.balance"})


class Shop:
    """Pays twice when it is asked twice, unless it is careful."""

    def __init__(self, *, careful: bool = False) -> None:
        self.careful, self.paid, self.balance = careful, dict[str, int](), 0

    def refund(self, id: str, amount: int) -> dict[str, int]:
        if not (self.careful and id in self.paid):
            self.paid[id] = self.paid.get(id, 0) + amount
        return {"paid": self.paid[id]}

    async def later(self, id: str) -> int:
        await asyncio.sleep(0)
        return self.refund(id, 5)["paid"]

    def spend(self, amount: int) -> None:
        self.balance -= amount

    def fails(self) -> None:
        self.balance += 1
        raise ValueError("no")

    async def fails_later(self) -> None:
        await asyncio.sleep(0)
        self.fails()

    def odd(self) -> object:
        return object()


def loaded(*invariants: Rule, made: Any = Shop) -> LoadedSuite:
    return load(
        suite_of("s", tasks=[TASK], agent=len, world=lambda world, seed: made(), invariants=invariants)
    )


def watched(suite: LoadedSuite, clock: Callable[[], float] = time.monotonic) -> CallWatch:
    assert suite.world_of is not None
    return CallWatch(suite.world_of(TASK, 0), suite.judge, clock)


def breaches(suite: LoadedSuite, watch: CallWatch, *calls: TrialCall) -> list[Breach]:
    state, flaw = watch.state()
    view = TrialView(
        TASK,
        "done",
        calls=calls,
        ran=watch.ran,
        initial=watch.initial,
        state=state,
        state_flaw=flaw,
        has_world=True,
    )
    return list(suite.judge.breaches(view))


def told_of(suite: LoadedSuite, tool: str, **args: Any) -> list[Breach]:
    watch = watched(suite)
    run = watch.bound(tool, 0, "write")
    if asyncio.iscoroutinefunction(run):
        asyncio.run(run(**args))
    else:
        run(**args)
    return breaches(suite, watch, TrialCall(tool, args, "write"))


def test_a_refund_that_pays_twice_is_caught_by_repeating_it_on_a_copy():
    state, output = told_of(loaded(REPEATS), "refund", id="A-1", amount=5)

    assert state.told == 'refund({"amount":5,"id":"A-1"}) once more changed state.paid.A-1 from 5 to 10'
    assert output.told.endswith("once more returned output.paid from 5 to 10")


def test_a_careful_refund_is_idempotent_and_the_repeat_does_not_touch_the_world():
    suite = loaded(REPEATS, made=lambda: Shop(careful=True))
    watch = watched(suite)
    watch.bound("refund", 0, "write")(id="A-1", amount=5)

    assert breaches(suite, watch, TrialCall("refund", {})) == []
    assert watch.state()[0]["paid"] == {"A-1": 5}


def test_an_awaited_tool_is_repeated_too():
    state, _ = told_of(loaded(REPEATS), "later", id="A-1")

    assert "changed state.paid.A-1 from 5 to 10" in state.told


def test_a_balance_that_falls_is_caught():
    (found,) = told_of(loaded(GROWS), "spend", amount=3)

    assert found.told == 'state.balance fell from 0 to -3 with spend({"amount":3})'


def test_a_tool_that_fails_fails_for_the_agent_and_is_watched_all_the_same():
    suite = loaded(REPEATS, GROWS)
    watch = watched(suite)

    with pytest.raises(ValueError, match="no"):
        watch.bound("fails", 0, "write")()

    (found,) = breaches(suite, watch, TrialCall("fails", {}, "write", "failed"))
    assert "changed state.balance from 1 to 2" in found.told and watch.ran[0].error == "ValueError: no"


def test_an_awaited_tool_that_fails_is_repeated_too():
    suite = loaded(REPEATS)
    watch = watched(suite)

    with pytest.raises(ValueError, match="no"):
        asyncio.run(watch.bound("fails_later", 0, "write")())

    (found,) = breaches(suite, watch, TrialCall("fails_later", {}, "write", "failed"))
    assert "changed state.balance from 1 to 2" in found.told


def test_only_tools_that_are_to_be_idempotent_are_repeated():
    watch = watched(loaded(Rule("idempotent", "idempotent", {"tools": ["refund"]})))
    asyncio.run(watch.bound("later", 0, "write")(id="A-1"))

    assert watch.ran[0].repeat is None


def test_each_awaited_call_in_turn_is_told_where_its_repeat_reaches_the_world():
    suite = loaded(REPEATS, made=Leaking)
    watch = watched(suite)
    for at in range(2):
        asyncio.run(watch.bound("later", at, "write")(id="A-1"))

    found = breaches(suite, watch, *[TrialCall("later", {"id": "A-1"}, "write")] * 2)
    assert [one.call for one in found if one.error and "reached the world itself" in one.told] == [0, 1]


def test_an_output_without_a_form_in_json_is_told_where_something_reads_it():
    (found,) = told_of(loaded(REPEATS), "odd")

    assert found.error and "no form in JSON" in found.told


class Locked(Shop):
    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()


class Leaking(Shop):
    """Its copies act on what they share: the class."""

    total = 0

    def refund(self, id: str, amount: int) -> dict[str, int]:
        type(self).total += amount
        return {"paid": 0}

    def state(self) -> int:
        return type(self).total


class Untold(Shop):
    def state(self) -> Any:
        return {1, 2}


class Broken(Shop):
    def state(self) -> Any:
        raise RuntimeError("down")


@pytest.mark.parametrize(
    ("made", "told"),
    [(Locked, "the world cannot be copied: TypeError"), (Leaking, "reached the world itself"),
     (Untold, "the world's state cannot be told"), (Broken, "RuntimeError: down")],
)  # fmt: skip
@pytest.mark.parametrize("tool", ["refund", "later"])
def test_a_world_that_cannot_be_repeated_upon_is_an_error_and_no_pass(tool: str, made: Any, told: str):
    args = {"id": "A-1", "amount": 5} if tool == "refund" else {"id": "A-1"}
    (found,) = told_of(loaded(REPEATS, made=made), tool, **args)

    assert found.error and told in found.told, found


def test_nothing_is_copied_and_no_state_told_where_nothing_asks():
    class Counting(MadeWorld):
        asked = 0

        def snapshot(self) -> Any:
            Counting.asked += 1
            return super().snapshot()

        def copy(self) -> Any:
            raise AssertionError

    world: World = Counting(Shop())
    watch = CallWatch(world, Judge(), time.monotonic)
    watch.bound("refund", 0, "write")(id="A", amount=1)

    assert Counting.asked == 0 and watch.ran[0].output == {"paid": 1} and watch.ran[0].repeat is None


def test_arguments_are_kept_as_they_were_asked_for():
    class Greedy(Shop):
        def take(self, items: list[int]) -> None:
            items.clear()

    watch = CallWatch(MadeWorld(Greedy()), Judge(), time.monotonic)
    watch.bound("take", 0)(items=[1, 2])

    assert watch.ran[0].args == {"items": [1, 2]}


def test_the_time_that_watching_takes_is_kept_apart():
    now = [100.0]

    class Heavy(Shop):
        def __deepcopy__(self, memo: Any) -> "Heavy":
            now[0] += 2.0
            other = copy.copy(self)
            other.paid = dict(self.paid)
            return other

    suite = loaded(REPEATS, made=Heavy)
    watch = watched(suite, lambda: now[0])
    watch.bound("refund", 0)(id="A", amount=1)

    assert watch.spent_s == 2.0 == now[0] - 100.0


def test_calls_from_several_threads_are_each_looked_at_in_a_state_of_one_moment():
    class Slow(Shop):
        def spend(self, amount: int) -> None:
            balance = self.balance
            time.sleep(0.002)
            self.balance = balance + amount

    suite = loaded(GROWS, made=Slow)
    watch = watched(suite)
    threads = [threading.Thread(target=watch.bound("spend", at), kwargs={"amount": 1}) for at in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(call.ended for call in watch.ran.values()) == list(range(8))
    assert breaches(suite, watch, *[TrialCall("spend", {})] * 8) == [] and watch.state()[0]["balance"] == 8


class Growing:
    """Its state grows with every call."""

    def __init__(self) -> None:
        self.log, self.total = list[str](), 0

    def add(self) -> None:
        self.log.append("a line of the log, as long as they are")
        self.total += 1

    async def later(self) -> None:
        await asyncio.sleep(0)
        self.add()

    def take(self) -> None:
        self.add()
        self.total -= 2


GROWING = (
    Rule("grows", "monotonic", {"value": "state.total"}),
    Rule("by-state", "monotonic", {"value": "state.total", "by": "state.log"}),
    Rule("idempotent", "idempotent", {"tools": ["add", "later"]}),
)


@pytest.mark.parametrize("tool", ["add", "later"])
def test_what_is_kept_of_a_call_does_not_grow_with_the_state_after_it(tool: str):
    suite = loaded(*GROWING, made=Growing)
    watch = watched(suite)
    for at in range(60):
        made(watch, tool, at)

    assert {len(pickle.dumps(call)) for call in list(watch.ran.values())[10:]} == {
        len(pickle.dumps(watch.ran[10]))
    }


@pytest.mark.parametrize("tool", ["add", "later"])
def test_the_breaches_of_calls_are_found_without_the_states_after_them(tool: str):
    suite = loaded(*GROWING, made=Growing)
    watch = watched(suite)
    for at, name in enumerate((tool, "take", tool)):
        made(watch, name, at)

    found = breaches(suite, watch, *(TrialCall(name, {}, "write") for name in (tool, "take", tool)))
    assert [(one.invariant, one.call, one.told) for one in found] == [
        ("grows", 1, "state.total fell from 1 to 0 with take({})"),
        ("idempotent", 0, f"{tool}({{}}) once more changed state.log[1] from null to "
         "'a line of the log, as long as they are'; state.total from 1 to 2"),
        ("idempotent", 2, f"{tool}({{}}) once more changed state.log[3] from null to "
         "'a line of the log, as long as they are'; state.total from 1 to 2"),
    ]  # fmt: skip


def made(watch: CallWatch, tool: str, at: int) -> None:
    run = watch.bound(tool, at, "write")
    if asyncio.iscoroutinefunction(run):
        asyncio.run(run())
    else:
        run()
