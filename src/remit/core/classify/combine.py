"""From pieces of evidence to a class: documented, monotone, calibrated. It routes; it never allows anything.

Two scores from 0 to 1 stand side by side. *Security*: a logistic sum of content evidence, a confirming replay and
optional opinions, none of which can lower it. *SRE*: the strongest of a failure of the world, a change with which the
anomaly's line rose, and the positive exclusion of content. Both over their threshold is `both`; neither is
`undetermined`. What is excluded is only looked for while security stays below its threshold, so that a failure or a
change adds to an attack and never hides it. See `docs/classification.md`.
"""

from __future__ import annotations

from dataclasses import replace

from remit.core.classify import calibration as c
from remit.core.classify.case import Case
from remit.core.classify.classification import Class, Classification, Evidence, Team
from remit.core.classify.content import Content, features
from remit.core.classify.exclusion import excluded
from remit.core.classify.infrastructure import failed
from remit.core.classify.known import Known
from remit.core.classify.opinions import of_opinions, strongest
from remit.core.classify.quotations import quoted
from remit.core.notice import visible
from remit.core.types import Role

NOTHING_KNOWN = Known()
TAMPERED = "tampering"
UNKNOWN_OUTCOME = "unknown-outcome"
MOST_EVIDENCE = 12
SURE_OPINION = 0.8
"""An opinion from which on an exclusion is not certain any more."""


def classify(case: Case, known: Known = NOTHING_KNOWN) -> Classification:
    """Where an anomaly came from, with the reasons.

    Args:
        case: the anomaly, with everything that the agent saw before it.
        known: what else was found out.
    """
    content = Content(case)
    broken = failed(case)
    # A call that failed may have been somebody else's wish all the same.
    read = broken is None or bool(case.tool)
    security = _security(case, content, known) if read else 0.0
    evidence = [_unclear(broken, case, content, security)] if broken is not None else []
    evidence += quoted(content, security) if read else []
    evidence += _tampering(case) + of_opinions(known.opinions) + _changed(known) + _replayed(known)
    if broken is None and security < c.SECURITY:
        ruled_out = excluded(case, content, security)
        if ruled_out is not None and not _doubted(known):
            evidence.append(ruled_out)
    sre = max((e.score for e in evidence if e.towards is Class.SRE), default=0.0)
    label = _label(security >= c.SECURITY, sre >= c.SRE)
    ordered = tuple(sorted(evidence, key=lambda e: (e.towards is None, -e.score))[:MOST_EVIDENCE])
    return Classification(
        case.anomaly,
        label,
        delivered(label, case),
        _confidence(label, security, sre),
        ordered,
        origin=_origin(content, label) if read else "",
        change=_change(known),
        missing=_missing(case, known, in_part=read and content.in_part),
        version=c.VERSION,
    )


def _unclear(broken: Evidence, case: Case, content: Content, security: float) -> Evidence:
    """What failed. That nobody knows how a call ended clears nobody where a stranger's text alone named what it was to
    do: it speaks for no side then, unless an instruction explains the call anyway."""
    named = case.kind == UNKNOWN_OUTCOME and case.consequential and any(s.outside for s in content.found)
    return replace(broken, towards=None) if named and security < c.SECURITY else broken


def delivered(label: Class, case: Case) -> tuple[Team, ...]:
    """Who gets it, owner first. What nobody can explain goes to security first where it could do harm, or did."""
    if label is Class.SECURITY:
        return (Team.SECURITY,)
    if label is Class.SRE:
        return (Team.SRE,)
    if label is Class.BOTH or case.consequential or (case.ran and bool(case.tool)):
        return (Team.SECURITY, Team.SRE)
    return (Team.SRE,)


def _label(security: bool, sre: bool) -> Class:
    if security:
        return Class.BOTH if sre else Class.SECURITY
    return Class.SRE if sre else Class.UNDETERMINED


def _security(case: Case, content: Content, known: Known) -> float:
    if case.kind == TAMPERED:
        return 0.97
    extra = 0.0
    if content.bearing > 0.0:
        extra += c.OPINION * strongest(known.opinions)
        extra += c.REPEATED * min(4, known.repeats)
    if known.counterfactual is not None and known.counterfactual.conclusion == "confirmed":
        extra += c.CONFIRMED
    return c.score(features(content), extra)


def _confidence(label: Class, security: float, sre: float) -> float:
    """How often a classification like this was right; of `undetermined`, how far both scores are from deciding."""
    if label is Class.SECURITY:
        return round(c.calibrated(security), 3)
    if label is Class.SRE:
        return round(sre, 3)
    if label is Class.BOTH:
        return round(min(c.calibrated(security), sre), 3)
    return round(1.0 - max(c.calibrated(security), sre), 3)


def _tampering(case: Case) -> list[Evidence]:
    if case.kind != TAMPERED:
        return []
    return [Evidence("tampering", Class.SECURITY, 0.97, "the record was altered after it was written")]


def _changed(known: Known) -> list[Evidence]:
    found = []
    for one in known.changes:
        stands = one.significant and one.likeliest and not one.fell
        towards = Class.SRE if stands else None
        score = min(0.99, 1.0 - one.p_corrected) if stands else max(0.0, min(0.49, 1.0 - one.p_corrected))
        found.append(Evidence("change.rate", towards, score, one.told, one.facts()))
    return found


def _change(known: Known) -> str:
    named = [one for one in known.changes if one.significant and one.likeliest and not one.fell]
    return min(named, key=lambda one: one.p_corrected).change.id if named else ""


def _replayed(known: Known) -> list[Evidence]:
    replay = known.counterfactual
    if replay is None or replay.conclusion == "not-made":
        return []
    confirmed = replay.conclusion == "confirmed"
    facts = {**replay.facts, "conclusion": replay.conclusion, "p": replay.p}
    score = 1.0 - (replay.p or 0.0) if confirmed else 0.0
    towards = Class.SECURITY if confirmed else None
    found = [Evidence("counterfactual", towards, score, visible(replay.told), facts)]
    if replay.old_removes:
        told = f"the former configuration does not make this call: {replay.old_counts}"
        found.append(Evidence("counterfactual.old", Class.SRE, 1.0 - float(facts["old_p"]), told, facts))
    return found


def _doubted(known: Known) -> bool:
    """Whether something speaks against ruling content out: a sure opinion, or a call that could not be reproduced."""
    replay = known.counterfactual
    unclear = replay is not None and replay.conclusion == "not-reproducible"
    return unclear or strongest(known.opinions) >= SURE_OPINION


def _origin(content: Content, label: Class) -> str:
    if label not in (Class.SECURITY, Class.BOTH):
        return ""
    e, p = content.explanation, content.pressure
    if p.segment is not None and p.score * content.own_asked > max(e.values, e.words) * e.meta:
        return p.segment.source
    carrier = content.carried[1]
    if carrier is not None and not e.values:
        return carrier.source
    return e.segment.source if e.segment is not None else ""


def _missing(case: Case, known: Known, *, in_part: bool) -> tuple[str, ...]:
    replay = known.counterfactual
    told = (
        (case.cut, "texts that the agent saw are missing: erased, kept as a digest, or beyond what is read"),
        (
            in_part,
            "a text was too long to be read whole: its beginning, its end, and where values of the call stand",
        ),
        (not case.segments, "nothing is known of what the agent saw"),
        (not case.reasoning, "the model's own words were not observed"),
        (
            case.principal_kind is None and any(s.role is Role.USER for s in case.steering),
            "nobody said whose text the user's is; it is taken for a customer's",
        ),
        (not known.changes, "no change was tested"),
        (replay is None, "the call was not asked for again: no agent to run is configured"),
        (replay is not None and replay.conclusion == "not-made", "the replay could not be made"),
        (not known.opinions, "no detector was asked"),
    )
    return tuple(words for is_so, words in told if is_so)
