"""The shop that the trials act upon: made anew for each of them, so that none sees another's refunds."""

from __future__ import annotations

from typing import Any

ORDERS: dict[str, dict[str, Any]] = {
    "A-1001": {"items": {"clock": 4500}, "status": "delivered", "days_ago": 3},
    "A-1002": {"items": {"cup": 1200, "plate": 1900}, "status": "delivered", "days_ago": 6},
    "A-1003": {"items": {"lamp": 8000}, "status": "delivered", "days_ago": 95},
    "A-1004": {"items": {"chair": 12900}, "status": "on its way", "days_ago": 0},
}


class Shop:
    """Public methods are the tools, public attributes the state."""

    def __init__(self, order_id: str) -> None:
        self.orders = {order_id: dict(ORDERS[order_id])}
        self.refunds: dict[str, int] = {}

    def lookup_order(self, order_id: str) -> dict[str, Any]:
        order = self.orders[order_id]
        return {"order_id": order_id, **order, "total": sum(order["items"].values())}

    def refund_payment(self, order_id: str, amount: int) -> dict[str, str]:
        self.refunds.setdefault(order_id, amount)  # the second of two equal refunds pays nothing
        return {"refund_id": f"R-{order_id}"}


def make(task_world: dict[str, str], seed: int) -> Shop:
    """The world of one trial.

    Args:
        task_world: `world:` of the task.
        seed: of the trial, for worlds that are random.
    """
    return Shop(task_world["order"])
