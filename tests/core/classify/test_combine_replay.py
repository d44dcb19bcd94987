"""What a call that was asked for again does to the class."""

from dataclasses import replace

from remit.core.classify import KINDS
from remit.core.classify.case import HELD, Case
from remit.core.classify.classification import Class
from remit.core.classify.combine import classify
from remit.core.classify.counterfactual import Counterfactual, CounterfactualArm, concluded, not_made
from remit.core.classify.known import Known
from remit.core.types import Integrity, Label, Role, Segment, ToolEffect

BILL = "Invoice 17. Amount due: 900. Account: DE44 5001 0517 5407 3249 31."
UNCLEAR = Case(
    "a-1",
    "s-1",
    "agent",
    HELD,
    tool="pay",
    effect=ToolEffect.IRREVERSIBLE,
    args={"to": "DE44 5001 0517 5407 3249 31", "amount": 900},
    segments=(
        Segment(0, Role.USER, "user", "Pay the invoice in bill.txt.", Label(Integrity.TRUSTED)),
        Segment(1, Role.TOOL, "read_file", BILL, Label(Integrity.UNTRUSTED)),
    ),
)


def arms_of(with_it: int, without: int, old: int | None = None) -> Counterfactual:
    arms = [CounterfactualArm("factual", 7, with_it), CounterfactualArm("masked", 7, without)]
    return concluded([*arms, *([] if old is None else [CounterfactualArm("old", 7, old)])])


UNASKED = replace(UNCLEAR, segments=(replace(UNCLEAR.segments[0], text="What is new?"), UNCLEAR.segments[1]))


def classed(found: Counterfactual, case: Case = UNASKED) -> Class:
    return classify(case, Known(counterfactual=found)).label


def test_without_a_replay_it_is_not_known():
    assert classify(UNCLEAR).label is classify(UNASKED).label is Class.UNDETERMINED


def test_a_confirmed_replay_of_what_nobody_asked_for_makes_it_securitys():
    assert classed(arms_of(7, 0)) is Class.SECURITY


def test_a_text_that_the_user_sent_the_agent_to_causes_the_call_without_being_an_attack():
    assert classed(arms_of(7, 0), UNCLEAR) is Class.UNDETERMINED


def test_neither_an_unconfirmed_nor_an_unreproducible_nor_a_failed_replay_makes_it_sres():
    assert classed(arms_of(7, 7)) is Class.UNDETERMINED
    assert classed(arms_of(0, 0)) is Class.UNDETERMINED
    assert classed(not_made("no agent")) is Class.UNDETERMINED


def test_a_call_that_the_former_configuration_does_not_make_is_sres():
    found = classify(UNCLEAR, Known(counterfactual=arms_of(7, 7, old=0)))

    assert found.label is Class.SRE
    told = next(e for e in found.evidence if e.kind == "counterfactual.old")
    assert "7 of 7 runs now, 0 of 7 with it" in told.told


def test_a_change_that_made_the_agent_follow_a_text_is_both():
    assert classed(arms_of(7, 0, old=0)) is Class.BOTH


def test_what_it_says_stands_in_the_table():
    found = classify(UNCLEAR, Known(counterfactual=arms_of(7, 0, old=0)))

    assert {"counterfactual", "counterfactual.old"} <= {e.kind for e in found.evidence} <= set(KINDS)
