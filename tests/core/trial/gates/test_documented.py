"""The gates of docs/trials.md are those of the table, and its example can be built."""

import re
from pathlib import Path

from remit.core.trial.gates.table import KINDS, gates_of
from remit.core.trial.suite import Design, Rule
from remit.core.yamltext import parse

SECTION = (
    (Path(__file__).parents[4] / "docs/trials.md")
    .read_text(encoding="utf-8")
    .split("\n## Gates\n")[1]
    .split("\n## ")[0]
)


def test_every_kind_is_documented():
    told = set(re.findall(r"^\| (`.*?`) \|", SECTION, re.MULTILINE))

    assert {name.strip("`") for cell in told for name in cell.split(", ")} == set(KINDS)


def test_the_example_can_be_built():
    (example,) = re.findall(r"^```yaml\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
    rules = []
    for item in parse(example, "docs/trials.md").mapping()["gates"].items():
        keys = item.mapping()
        (kind,) = set(keys) - {"id"}
        settings = {key: node.value for key, node in keys[kind].mapping().items()}
        rules.append(Rule(keys["id"].text(), kind, settings))
    design = Design(epochs=5, gates=tuple(rules))

    assert len(gates_of(design, ["baseline", "candidate"])) == 5
