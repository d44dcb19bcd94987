"""The corpus of attacks: each built-in runs over its class and must answer for every line.

A good line must be accepted; a bad one must be refused or answered with false. Lines are
``{"verdict", "input", "why"}``; the names of the files are the classes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.core.canonical import canonical, loads_strict
from remit.core.cel import STRING, ConditionError, compile_condition, record
from remit.core.errors import BadInput

CORPUS = Path(__file__).parent / "corpus"
CONDITIONS = {
    "url": "domain_in(host(args.x), ['corp.com']) && domain_in(url(args.x).host, ['corp.com'])",
    "url_path": "url(args.x).host == 'api.corp.com' && url(args.x).path.startsWith('/public/')",
    "path": "path_within(args.x, '/srv/data')",
    "email": "email_domain(args.x) == 'corp.com'",
    "text": "visible(args.x)",
    "unicode": "visible(args.x) && !(fold(args.x) in ['admin', 'root', 'kernel', 'system', 'file'])",
    "ip": "isIP(args.x) && public_address(args.x)",
    "mime": "mime(args.x) in ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/bmp', 'audio/wav', "
    "'application/pdf', 'application/zip', 'application/gzip', 'application/json', 'text/plain', 'image/svg+xml', "
    "'application/vnd.openxmlformats-officedocument.wordprocessingml.document', "
    "'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet']",
    "text_mime": "text_mime(args.x) == 'text/plain'",
    "shell": "shell_argv(args.x)[0] in ['ls', 'cat', 'grep']",
    "shell_options": "size(shell_argv(args.x)) > 0",
    **{
        f"sql_{dialect}": f"sql_readonly(args.x, '{dialect}')"
        for dialect in (
            "postgres",
            "mysql",
            "sqlite",
            "tsql",
            "oracle",
            "snowflake",
            "bigquery",
            "duckdb",
            "clickhouse",
            "spark",
            "trino",
        )
    },
}


def lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (CORPUS / f"{name}.jsonl").read_text("utf-8").splitlines()]


def accepts(name: str) -> Callable[[str], bool]:
    if name == "json":
        return accepts_json
    condition = compile_condition(CONDITIONS[name], {"args": record(x=STRING)}, where=name)

    def accepts(text: str) -> bool:
        try:
            return condition.evaluate({"args": {"x": text}}) is True
        except ConditionError:
            return False

    return accepts


def accepts_json(text: str) -> bool:
    try:
        canonical(loads_strict(text.encode("utf-8", "surrogatepass")))
    except BadInput:
        return False
    return True


@pytest.mark.parametrize("name", sorted(path.stem for path in CORPUS.glob("*.jsonl")))
def test_no_bad_line_passes_and_no_good_one_is_refused(name):
    accept = accepts(name)

    wrong = [line for line in lines(name) if accept(line["input"]) != (line["verdict"] == "good")]

    assert wrong == []


@pytest.mark.parametrize("name", sorted(path.stem for path in CORPUS.glob("*.jsonl")))
def test_every_class_has_good_and_bad_lines_with_reasons(name):
    verdicts = [line["verdict"] for line in lines(name)]

    assert set(verdicts) == {"good", "bad"}
    assert all(line["why"] for line in lines(name))
    assert len({line["input"] for line in lines(name)}) == len(verdicts)
