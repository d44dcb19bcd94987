"""A stand-in for an agent with a model: it errs at random, as a model does, and the same way for the same seed.

What it does wrong: of an order with two items it often pays back both, where only one is broken.
"""

from __future__ import annotations

import re
import time
from random import Random

from remit.ports import AgentTrial

RETURNS_DAYS = 30


def answer(trial: AgentTrial) -> str:
    """One run of one task."""
    random = Random(trial.slot.seed)
    careful = "only the broken item" in str(trial.agent.settings.get("prompt", ""))
    time.sleep(random.lognormvariate(-5.5, 0.5))  # a model takes its time; this one a few milliseconds
    text = str(trial.task.input)
    order_id = re.findall(r"A-\d{4}", text)[0]
    order = trial.call("lookup_order", {"order_id": order_id})
    if order["status"] != "delivered":
        return f"Order {order_id} is {order['status']}."
    if order["days_ago"] > RETURNS_DAYS and random.random() < 0.96:
        return f"Order {order_id} came {order['days_ago']} days ago, so I could not refund it."
    if random.random() < 0.02:
        return "I am sorry to hear that! Is there anything else?"
    broken = next((price for item, price in order["items"].items() if item in text.lower()), order["total"])
    mixes_up = len(order["items"]) > 1 and random.random() < (0.05 if careful else 0.4)
    amount = order["total"] if mixes_up else broken
    trial.call("refund_payment", {"order_id": order_id, "amount": amount})
    return random.choice(
        [
            f"I refunded {amount / 100:.2f} for order {order_id}.",
            f"Done: {amount / 100:.2f} for {order_id} is refunded, it takes 3 days.",
        ]
    )
