"""`answer`: what the final answer says. All that is written must hold."""

from __future__ import annotations

from collections.abc import Callable

from remit.core.canonical import loads_strict
from remit.core.errors import BadInput
from remit.core.reader_clauses import read_pattern
from remit.core.schema import compile_schema
from remit.core.trial.judge import TrialCheck
from remit.core.trial.reach import Reach
from remit.core.trial.trial import Checked
from remit.core.trial.values import same
from remit.core.trial.view import TrialView
from remit.core.trial.words import shown
from remit.core.types import Json
from remit.core.yamltext import Node

KEYS = ("equals", "one_of", "contains", "not_contains", "matches", "json_schema", "ignore_case")

TellAnswer = Callable[[TrialView], str]
"""What is wrong; empty where nothing is."""


def answer(id: str, node: Node, _reach: Reach) -> TrialCheck:
    """What the final answer must say.

    `equals` a value, `one_of` several, `contains` and `not_contains` texts, `matches` an RE2 pattern, fits a
    `json_schema`; `ignore_case` for the first four. Where a value is asked for that is no text, an answer that is a
    text is read as JSON.
    """
    keys = node.keys(KEYS)
    fold = "ignore_case" in keys and _flag(keys["ignore_case"])
    parts = [_PARTS[key](keys[key], fold) for key in KEYS if key in keys and key in _PARTS]
    if not parts:
        raise node.error("asks for nothing", f"write one of {', '.join(_PARTS)}")

    def check(view: TrialView) -> Checked:
        if not view.answered:
            return Checked(id, passed=False, told="there is no answer")
        told = next((found for part in parts if (found := part(view))), "")
        return Checked(id, not told, told)

    return check


def _flag(node: Node) -> bool:
    if not isinstance(node.value, bool):
        raise node.error(f"found {node.told}", "write true or false")
    return node.value


def _equals(node: Node, fold: bool) -> TellAnswer:
    return _any_of([node.plain()], fold)


def _one_of(node: Node, fold: bool) -> TellAnswer:
    options = [item.plain() for item in node.items()]
    if not options:
        raise node.error("an empty list", "write at least one answer")
    return _any_of(options, fold)


def _any_of(options: list[Json], fold: bool) -> TellAnswer:
    def told(view: TrialView) -> str:
        if any(_alike(view.answer, option, fold) for option in options):
            return ""
        wanted = shown(options[0]) if len(options) == 1 else f"one of {shown(options)}"
        return f"the answer is {shown(view.answer)}, not {wanted}"

    return told


def _alike(found: Json, option: Json, fold: bool) -> bool:
    if isinstance(option, str):
        return isinstance(found, str) and _folded(found.strip(), fold) == _folded(option.strip(), fold)
    return same(_value(found), option)


def _value(found: Json) -> Json:
    if not isinstance(found, str):
        return found
    try:
        return loads_strict(found.strip())
    except BadInput:
        return found


def _folded(text: str, fold: bool) -> str:
    return text.casefold() if fold else text


def _contains(node: Node, fold: bool) -> TellAnswer:
    wanted = _texts(node)

    def told(view: TrialView) -> str:
        text = _folded(view.text, fold)
        missing = next((one for one in wanted if _folded(one, fold) not in text), None)
        return "" if missing is None else f"the answer {shown(view.text)} does not contain {shown(missing)}"

    return told


def _not_contains(node: Node, fold: bool) -> TellAnswer:
    unwanted = _texts(node)

    def told(view: TrialView) -> str:
        text = _folded(view.text, fold)
        there = next((one for one in unwanted if _folded(one, fold) in text), None)
        return "" if there is None else f"the answer {shown(view.text)} contains {shown(there)}"

    return told


def _texts(node: Node) -> list[str]:
    items = node.items() if isinstance(node.value, list) else [node]
    if not items:
        raise node.error("an empty list", "write at least one text")
    for item in items:
        if not item.text():
            raise item.error("an empty text", "every answer contains that; write some characters")
    return [item.text() for item in items]


def _matches(node: Node, _fold: bool) -> TellAnswer:
    pattern = read_pattern(node)

    def told(view: TrialView) -> str:
        try:
            hit = pattern.search(view.text) is not None
        except UnicodeEncodeError:
            return "the answer holds a lone surrogate, which no pattern can be asked about"
        return "" if hit else f"the answer {shown(view.text)} does not match {shown(node.text())}"

    return told


def _json_schema(node: Node, _fold: bool) -> TellAnswer:
    schema, errors = compile_schema(node, closed=False)
    of_text = schema.get("type") == "string"

    def told(view: TrialView) -> str:
        value = view.answer
        if isinstance(value, str) and not of_text:
            try:
                value = loads_strict(value)
            except BadInput as error:
                return f"the answer {shown(view.text)} is not strict JSON: {error.found}"
        found = errors(value)
        return f"the answer does not fit: {'; '.join(found[:3])}" if found else ""

    return told


_PARTS: dict[str, Callable[[Node, bool], TellAnswer]] = {
    "equals": _equals,
    "one_of": _one_of,
    "contains": _contains,
    "not_contains": _not_contains,
    "matches": _matches,
    "json_schema": _json_schema,
}
