"""One job for every engine: 20 tools, 200 calls (some allowed, some not), four scalar conditions each, 1.5 KB of context.

The conditions are those that all engines can say: a ceiling, a currency list, a region list, a priority ceiling.
"""

from __future__ import annotations

import random
from typing import Any

TOOLS = [f"tool_{n:02d}" for n in range(20)]
CURRENCIES = ["USD", "EUR", "GBP"]
REGIONS = ["eu-west", "eu-north", "us-east"]
NOTE = "The customer wrote that the parcel arrived broken and asks for the money back. " * 14


def ceiling(tool: str) -> int:
    """The highest amount that a tool may be called with."""
    return 100 + 20 * int(tool[-2:])


def calls(count: int = 200, seed: int = 7) -> list[tuple[str, dict[str, Any]]]:
    """(tool, arguments) pairs; about four in ten are within bounds."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        tool = rng.choice(TOOLS)
        amount = rng.randint(1, int(ceiling(tool) * 1.35))
        made.append(
            (
                tool,
                {
                    "order_id": f"O-{rng.randint(1, 99999)}",
                    "amount": amount,
                    "currency": rng.choice([*CURRENCIES, *CURRENCIES, *CURRENCIES, "JPY"]),
                    "region": rng.choice([*REGIONS, *REGIONS, *REGIONS, "ap-south"]),
                    "priority": rng.randint(1, 6),
                    "note": NOTE,
                },
            )
        )
    return made


def by_hand(tool: str, args: dict[str, Any]) -> bool:
    """The oracle and the floor: the same rules as plain Python."""
    if tool not in _CEILINGS:
        return False
    return (
        type(args.get("amount")) is int
        and args["amount"] <= _CEILINGS[tool]
        and args.get("currency") in _CURRENCIES
        and args.get("region") in _REGIONS
        and type(args.get("priority")) is int
        and args["priority"] < 6
        and type(args.get("order_id")) is str
        and type(args.get("note")) is str
    )


_CEILINGS = {tool: ceiling(tool) for tool in TOOLS}
_CURRENCIES, _REGIONS = frozenset(CURRENCIES), frozenset(REGIONS)


def envelope_text() -> str:
    """The same rules as a capability envelope."""
    tools = "".join(
        f"""
    {tool}:
      effect: write
      args:
        type: object
        additionalProperties: false
        required: [order_id, amount, currency, region, priority, note]
        properties:
          order_id: {{type: string, pattern: "^O-[0-9]{{1,12}}$"}}
          amount: {{type: integer, minimum: 1}}
          currency: {{type: string}}
          region: {{type: string}}
          priority: {{type: integer}}
          note: {{type: string, maxLength: 5000}}
      require:
        - {{id: ceiling, expr: "args.amount <= {ceiling(tool)}"}}
        - {{id: currency, expr: "args.currency in ['USD', 'EUR', 'GBP']"}}
        - {{id: region, expr: "args.region in ['eu-west', 'eu-north', 'us-east']"}}
        - {{id: priority, expr: "args.priority < 6"}}"""
        for tool in TOOLS
    )
    head = "apiVersion: remit/v1\nkind: CapabilityEnvelope\nmetadata: {name: bench, version: '1'}\nspec:\n  tools:"
    return head + tools + "\n"


def toolkit_policy() -> str:
    """The same rules in the policy language of agent-governance-toolkit: one set of rules for each tool."""
    rules = []
    for tool in TOOLS:
        here = f"action.type == '{tool}'"
        for name, condition in (
            ("ceiling", f"args.amount > {ceiling(tool)}"),
            ("priority", "args.priority >= 6"),
        ):
            rules.append({"name": f"{tool}-{name}", "condition": f"{here} and {condition}", "action": "deny"})
        lists = "args.currency in ['USD', 'EUR', 'GBP'] and args.region in ['eu-west', 'eu-north', 'us-east']"
        allowed = f"{here} and {lists}"
        rules.append({"name": f"{tool}-allow", "condition": allowed, "action": "allow"})
    lines = "\n".join(
        f'  - name: {r["name"]}\n    condition: "{r["condition"]}"\n    action: {r["action"]}' for r in rules
    )
    return f"apiVersion: governance.toolkit/v1\nname: bench\ndefault_action: deny\nrules:\n{lines}\n"
