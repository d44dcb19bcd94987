"""One tool's schema, and the shortest way to ask a condition about its arguments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remit.core.cel import DYN, Condition, Type, compile_condition, from_schema

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["amount", "currency", "items", "order_id", "to", "count", "urgent"],
    "properties": {
        "amount": {"type": "number"},
        "currency": {"enum": ["USD", "EUR"]},
        "order_id": {"type": "string"},
        "count": {"type": "integer"},
        "urgent": {"type": "boolean"},
        "to": {"type": "array", "items": {"type": "string"}},
        "reason": {"type": "string"},
        "cc": {"type": "array", "items": {"type": "string"}},
        "user-id": {"type": "string"},
        "loose": {},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku", "qty"],
                "properties": {
                    "sku": {"type": "string"},
                    "qty": {"type": "integer"},
                    "price": {"type": "number"},
                    "note": {"type": "string"},
                },
            },
        },
    },
}
ARGS = {
    "amount": 120,
    "currency": "EUR",
    "order_id": "O-1",
    "count": 7,
    "urgent": False,
    "to": ["a@corp.com", "b@corp.com"],
    "items": [{"sku": "x", "qty": 2, "note": "n"}, {"sku": "y", "qty": 3}],
}


@pytest.fixture
def env() -> dict[str, Type]:
    return {"args": from_schema(SCHEMA), "session": DYN}


@pytest.fixture
def load(env: dict[str, Type]) -> Callable[..., Condition]:
    def load(text: str, result: Type = DYN) -> Condition:
        return compile_condition(text, env, where="w", result=result)

    return load


@pytest.fixture
def answer(load: Callable[..., Condition]) -> Callable[..., object]:
    """Ask with the usual arguments; keywords replace some of them, `session` gives facts."""

    def answer(text: str, session: object = None, **changed: object) -> object:
        return load(text).evaluate({"args": {**ARGS, **changed}, "session": session or {}})

    return answer
