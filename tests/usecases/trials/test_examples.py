"""The agents that `docs/trials.md` shows run as they stand there."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from tests.adapters.trials import FakeTrial
from tests.usecases.trials.runs import launch, opened, suite_of

from remit.adapters.target_command import CommandTarget
from remit.core.trial.suite import Design, Task

PAGE = Path(__file__).parents[3] / "docs" / "trials.md"


def agents() -> list[str]:
    """The Python of the section on agents."""
    text = PAGE.read_text(encoding="utf-8")
    section = text[text.index("## Agents under test") : text.index("## Shards")]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


class Shop:
    """One broken order, and whether it was refunded."""

    def __init__(self) -> None:
        self.refunded: list[str] = []
        self.tools: dict[str, Any] = {"get_order": self.get_order, "refund_payment": self.refund_payment}

    def get_order(self, order_id: str) -> dict[str, str]:
        return {"order_id": order_id, "status": "broken"}

    def refund_payment(self, order_id: str) -> None:
        self.refunded.append(order_id)

    def snapshot(self) -> Any:
        return list(self.refunded)

    def copy(self) -> Shop:
        return self


def test_the_python_agent_of_the_page_runs(folder: Path) -> None:
    names: dict[str, Any] = {}
    exec(compile(agents()[0], "docs/trials.md", "exec"), names)
    loaded = suite_of(
        names["answer"],
        tasks=(Task("a", "It is broken."),),
        design=Design(epochs=1),
        world=lambda _task, _seed: Shop(),
    )
    with opened(folder) as store:
        (trial,) = launch(loaded, store).run.trials

    assert (trial.answer, [call.tool for call in trial.calls]) == (
        "refunded",
        ["get_order", "refund_payment"],
    )


def test_the_command_of_the_page_runs(folder: Path) -> None:
    (folder / "agent.py").write_text(agents()[1], encoding="utf-8")
    target = CommandTarget((sys.executable, "agent.py"), str(folder))
    answered = asyncio.run(target.run(FakeTrial()))

    assert (answered.answer, answered.tokens) == ("it was sent", 12)
