"""One entry of `spec.enforced` changes in a file, and every other character stays."""

from __future__ import annotations

import pytest

from remit.core.errors import BadInput
from remit.core.reader import read_envelope
from remit.usecases.promote_file import demoted, promoted

FILE = """# who may what
apiVersion: remit/v1
kind: CapabilityEnvelope
metadata: {name: "small", version: '1'}   # ünïcode 🦓 before the place
spec:
  enforcement: monitor   # for now
%s  tools:
    act:
      effect: write
      args: {type: object,   additionalProperties: false}
      require:
        - {id: a, expr: "1 < 2"}   # odd
        - id: b
          expr: '2 < 3'
        - {id: c, expr: "3 < 4"}
"""
NONE = FILE % ""
FLOW = FILE % "  enforced: [{clause: act.a, share: 0.5}, {clause: act.b}]  # two\n"
EMPTY = FILE % "  enforced: []\n"
BLOCK = (
    FILE
    % "  enforced:\n    # the first\n    - {clause: act.a, share: 0.5}   # half\n    - clause: act.b\n      # note\n\n"
)
INDENTLESS = FILE % "  enforced:\n  - clause: act.a\n    share: 0.5  # half\n  - {clause: act.b}\n"
LAST = NONE.replace("  enforcement: monitor   # for now\n", "") + "  enforcement: monitor"
ALL = {"none": NONE, "flow": FLOW, "empty": EMPTY, "block": BLOCK, "indentless": INDENTLESS, "last": LAST}


def entries(text: str) -> dict[str, float]:
    return dict(read_envelope(text, "f.yaml").promoted)


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("share", [1.0, 0.1, 0.00001])
@pytest.mark.parametrize("clause", ["act.a", "act.b", "act.c", "unlisted"])
@pytest.mark.parametrize("name", ALL)
def test_an_entry_is_added_or_changed_wherever_it_stands_and_can_be_taken_out(
    name: str, clause: str, share: float, newline: str
) -> None:
    text = ALL[name].replace("\n", newline)
    before = entries(text)
    after = promoted(text, clause, share, "f.yaml")

    assert entries(after) == before | {clause: share}
    assert promoted(after, clause, share, "f.yaml") == after
    assert entries(demoted(after, clause, "f.yaml")) == {k: v for k, v in before.items() if k != clause}
    gone, come = changed_lines(text, after)
    assert len(gone) <= 1 and len(come) <= 2
    assert after.count("\r\n") == (after.count("\n") if newline == "\r\n" else 0)


@pytest.mark.parametrize("name", ["none", "block", "indentless"])
def test_what_was_added_and_taken_out_again_leaves_the_file_as_it_was(name: str) -> None:
    assert demoted(promoted(ALL[name], "act.c", 0.3, "f.yaml"), "act.c", "f.yaml") == ALL[name]


def test_a_clause_that_is_not_there_is_taken_out_by_doing_nothing() -> None:
    assert demoted(FLOW, "act.c", "f.yaml") == FLOW and demoted(NONE, "act.c", "f.yaml") == NONE


@pytest.mark.parametrize(
    "text",
    [
        "spec: {enforcement: monitor, tools: {}}\n",
        "spec:\n  tools: {}\n",
        "spec:\n  enforcement: monitor\n  enforced:\n    -\n      {clause: act.b}\n",
        "spec:\n  enforcement: monitor\n  enforced: 7\n",
    ],
)
def test_a_layout_without_a_place_for_an_entry_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        promoted(text, "act.a", 1.0, "f.yaml")
