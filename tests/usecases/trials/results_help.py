"""Results of other harnesses as they write them, built by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"
"""A log of Inspect 0.3.285, made with its mock model: three tasks, four epochs, two scores, one error."""


def write_lines(path: Path, *lines: Any) -> Path:
    """JSON Lines; a text stands as it is."""
    path.write_text(
        "".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines), encoding="utf-8"
    )
    return path


def plain(task: Any, trial: Any, success: Any, **more: Any) -> dict[str, Any]:
    return {"task_id": task, "trial": trial, "success": success, **more}


def tau(task: int, trial: int, reward: float, **more: Any) -> dict[str, Any]:
    """One result of tau-bench."""
    traj = [
        {"role": "system", "content": "# Policy"},
        {"role": "user", "content": "Cancel EHGLP3."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "cancel_reservation", "arguments": '{"reservation_id": "EHGLP3"}'},
                }
            ],
            "function_call": None,
        },
        {"role": "tool", "tool_call_id": "call_1", "name": "cancel_reservation", "content": "cancelled"},
        {"role": "assistant", "content": "It is cancelled.", "tool_calls": None},
        {"role": "user", "content": "###STOP###"},
    ]
    return {
        "task_id": task,
        "reward": reward,
        "info": {"source": "user"},
        "traj": traj,
        "trial": trial,
        **more,
    }


def simulation(task: str, trial: int, reward: float | None, **more: Any) -> dict[str, Any]:
    """One simulation of tau2."""
    messages = [
        {"role": "assistant", "content": "Hi!", "tool_calls": None},
        {"role": "user", "content": "Is my phone on?", "tool_calls": None},
        {
            "role": "user",
            "content": None,
            "tool_calls": [{"id": "u1", "name": "toggle", "arguments": {}, "requestor": "user"}],
        },
        {"role": "tool", "id": "u1", "content": "on", "requestor": "user", "error": False},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "a1", "name": "get_line", "arguments": {"line": 3}, "requestor": "assistant"},
                {"id": "a2", "name": "get_line", "arguments": {"line": 4}, "requestor": "assistant"},
            ],
        },
        {
            "role": "tool",
            "tool_messages": [
                {"role": "tool", "id": "a1", "content": "up", "requestor": "assistant", "error": False},
                {"role": "tool", "id": "a2", "content": "no such", "requestor": "assistant", "error": True},
            ],
        },
        {"role": "assistant", "content": "It is on.", "tool_calls": None},
    ]
    return {
        "id": f"sim-{task}-{trial}",
        "task_id": task,
        "start_time": "2025-10-06T06:45:13.811750",
        "duration": 19.5,
        "termination_reason": "user_stop",
        "agent_cost": 0.01,
        "reward_info": None if reward is None else {"reward": reward},
        "messages": messages,
        "trial": trial,
        "seed": 626729,
        **more,
    }


def tau2(*simulations: dict[str, Any]) -> dict[str, Any]:
    """A result file of tau2."""
    info = {"agent_info": {"llm": "gpt-4.1"}, "environment_info": {"domain_name": "telecom"}}
    return {"timestamp": "2025-10-06", "info": info, "tasks": [{"id": "t"}], "simulations": list(simulations)}
