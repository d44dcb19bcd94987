"""SQL conditions: what they say of a statement, and a real SQLite as the judge of "only reads"."""

from __future__ import annotations

import contextlib
import json
import logging
import string
import time
from pathlib import Path

import apsw
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from remit.core.cel import DYN, STRING, ConditionError, compile_condition, record
from remit.core.cel.functions import FUNCTIONS, Extra
from remit.core.cel.functions.sql import ALIASES, MAX_TEXT, sql, sql_readonly
from remit.core.cel.functions.sql_text import RULES
from remit.core.errors import BadInput

ENV = {"args": record(q=STRING)}
PIECES = st.sampled_from(
    [
        *[
            "SELECT",
            "FROM",
            "WHERE",
            "t",
            "a",
            "1",
            "'x'",
            "'",
            '"',
            "`",
            ";",
            "--",
            "/*",
            "*/",
            "/*!",
            "#",
            "(",
            ")",
            "[",
            "]",
            ",",
            ".",
            "=",
            "\\",
            "$$",
            "E'",
            "INTO",
            "UNION",
            "JOIN",
            "ON",
            "CASE",
            "WHEN",
            "END",
        ],
        *["NOT", "-", "::", "pg_sleep", "load_extension", "@", ":", "?", "{", "}", "U&'", "q'["],
        *("FOR UPDATE", "DROP TABLE t", "WITH x AS", "DELETE FROM t", "\n", "\x00"),
    ]
)


@pytest.mark.parametrize(
    ("query", "dialect", "kind"),
    [
        ("SELECT 1", "postgres", "read"),
        ("INSERT INTO t VALUES (1)", "postgres", "write"),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "postgres", "write"),
        ("SELECT * INTO x FROM t", "postgres", "write"),
        ("CREATE TABLE t (a int)", "mysql", "ddl"),
        ("SELECT * FROM t FOR UPDATE", "mysql", "lock"),
        ("SELECT @a := 1", "mysql", "set"),
        ("SET x = 1", "postgres", "set"),
        ("COPY t TO PROGRAM 'sh'", "postgres", "copy"),
        ("GRANT ALL ON t TO x", "postgres", "grant"),
        ("COMMIT", "postgres", "transaction"),
        ("SELECT pg_sleep(9)", "postgres", "effect"),
        ("SELECT * FROM 'x.csv'", "duckdb", "effect"),
        ("PRAGMA user_version = 5", "sqlite", "command"),
        ("SELECT 1; DROP TABLE t", "postgres", "multiple"),
        ("SELECT 1 shutdown", "tsql", "multiple"),
    ],
)
def test_the_kind_says_what_the_statement_does(query, dialect, kind):
    assert sql(query, dialect)["kind"] == kind


def test_the_same_text_is_one_statement_in_mysql_and_two_in_postgres():
    text = r"SELECT 'a\'; DROP TABLE t; -- '"

    assert sql(text, "mysql")["kind"] == "read"
    assert sql(text, "postgres")["kind"] == "multiple"


@pytest.mark.parametrize(
    ("query", "dialect", "tables"),
    [
        ('SELECT * FROM Users u JOIN crm."Orders" o ON true', "postgres", ["users", "crm.Orders"]),
        ("WITH x AS (SELECT * FROM a) SELECT * FROM x", "postgres", ["a"]),
        ("WITH a AS (SELECT * FROM a) SELECT * FROM a", "postgres", ["a"]),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a", "postgres", ["b"]),
        ("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) q, x", "postgres", ["x"]),
        ("WITH x AS (SELECT 1) SELECT * FROM s.x", "postgres", ["s.x"]),
        (
            "SELECT (SELECT max(a) FROM secret) FROM t WHERE EXISTS (SELECT 1 FROM u)",
            "postgres",
            ["t", "secret", "u"],
        ),
        ('SELECT * FROM "a.b"', "postgres", ['"a.b"']),
        ("DELETE FROM t", "postgres", ["t"]),
        ("WITH RECURSIVE r AS (SELECT 1 UNION SELECT * FROM r) SELECT * FROM r", "postgres", []),
    ],
)
def test_tables_are_those_of_the_database_not_the_querys_own(query, dialect, tables):
    assert sorted(sql(query, dialect)["tables"]) == sorted(tables)


def test_an_own_function_is_allowed_by_naming_it():
    rule = "sql(args.q, 'postgres').kind == 'read' && sql(args.q, 'postgres').functions.all(f, f in ['ours', 'count'])"
    condition = compile_condition(rule, ENV, where="doc")

    assert condition.evaluate({"args": {"q": "SELECT ours(count(*)) FROM t"}}) is True
    assert condition.evaluate({"args": {"q": "SELECT theirs(1)"}}) is False
    assert sql_readonly("SELECT ours(1)", "postgres") is False


def test_an_unknown_dialect_is_found_while_loading():
    with pytest.raises(BadInput, match=r"no dialect 'postgre'; known: .*postgres"):
        compile_condition("sql_readonly(args.q, 'postgre')", ENV, where="require[0]")


def test_a_dialect_that_only_the_call_brings_is_checked_then():
    condition = compile_condition("sql_readonly(args.q, args.d)", {"args": DYN}, where="doc")

    assert condition.evaluate({"args": {"q": "SELECT 1", "d": "MySQL"}}) is True
    with pytest.raises(ConditionError, match="no dialect"):
        condition.evaluate({"args": {"q": "SELECT 1", "d": "x"}})


@pytest.mark.parametrize("dialect", [*RULES, *ALIASES])
def test_every_dialect_reads_a_plain_query(dialect):
    assert sql_readonly("SELECT a, count(*) FROM t WHERE b = 'x; DROP TABLE t' GROUP BY a", dialect) is True
    assert sql("SELECT 1; DROP TABLE t", dialect)["kind"] == "multiple"


@pytest.mark.parametrize("name", ["sql", "sql_readonly", "shell_argv"])
def test_a_missing_extra_is_found_while_loading_and_says_what_to_install(name, monkeypatch):
    def missing() -> None:
        raise ImportError("No module named 'it'")

    extra = FUNCTIONS[name].extra
    assert extra is not None
    monkeypatch.setattr(Extra, "load", property(lambda self: missing), raising=False)
    call = f"{name}(args.q)" if name == "shell_argv" else f"{name}(args.q, 'postgres')"
    with pytest.raises(BadInput, match=rf"pip install 'remit\[{extra.name}\]'"):
        compile_condition(f"{call} == {call}", ENV, where="doc")


def test_the_text_of_a_statement_is_not_logged(caplog):
    compile_condition("sql_readonly(args.q, 'postgres')", ENV, where="doc")
    with caplog.at_level(logging.DEBUG):
        sql("ALTER TABLE secret_name FROBNICATE", "postgres")

    assert "secret_name" not in caplog.text


@settings(max_examples=300, deadline=60_000)  # only a reading that does not end takes so long
@given(st.lists(PIECES, max_size=25).map(" ".join) | st.text(max_size=60), st.sampled_from(sorted(RULES)))
@example("SELECT " + "(" * 19_000, "postgres")
@example("SELECT * FROM a " + "JOIN a " * 2_000, "postgres")
@example("SELECT " + "NOT " * 4_000 + "1", "mysql")
@example("SELECT " + "- " * 9_000 + "1", "mysql")
@example("SELECT " + "CASE WHEN " * 1_900, "sqlite")
@example("SELECT '" + "a" * MAX_TEXT + "'", "sqlite")
@example("SELECT a ? ? ?", "postgres")
def test_any_text_gets_an_answer_or_a_refusal(text, dialect):
    try:
        assert sql_readonly(text, dialect) in {True, False}
    except ConditionError as error:
        assert len(str(error)) < 250


def sqlite_lines() -> list[str]:
    path = Path(__file__).parent / "corpus" / "sql_sqlite.jsonl"
    return [json.loads(line)["input"] for line in path.read_text("utf-8").splitlines()]


_READING = {
    apsw.SQLITE_SELECT,
    apsw.SQLITE_READ,
    apsw.SQLITE_FUNCTION,
    apsw.SQLITE_RECURSIVE,
    apsw.SQLITE_PRAGMA,
}


def run_in_sqlite(text: str) -> set[int]:
    """Run a statement on a fresh database; return the actions that it asked to do beside reading."""
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE TABLE t (a, b, d, j, id, n); CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO t DEFAULT VALUES"
    )
    asked: set[int] = set()
    connection.authorizer = lambda action, *_: asked.add(action) or apsw.SQLITE_OK
    before = connection.total_changes()
    with contextlib.suppress(apsw.Error, ValueError):
        connection.execute(text, (1, 2)[: text.count("?") + text.count(":n")]).fetchall()
    connection.authorizer = None
    return (asked - _READING) | ({-1} if connection.total_changes() != before else set())


def test_what_passes_does_nothing_but_read_in_a_real_sqlite():
    passed = [text for text in sqlite_lines() if _readonly(text)]

    assert len(passed) > 15
    assert {text: run_in_sqlite(text) for text in passed if run_in_sqlite(text)} == {}
    assert run_in_sqlite("DELETE FROM t") != set()


@settings(max_examples=400, deadline=60_000)  # only a reading that does not end takes so long
@given(st.lists(PIECES, min_size=1, max_size=12).map(lambda parts: "SELECT " + " ".join(parts)))
def test_no_generated_statement_that_passes_writes_to_a_real_sqlite(text):
    if _readonly(text):
        assert run_in_sqlite(text) == set()


def _readonly(text: str) -> bool:
    try:
        return sql_readonly(text, "sqlite")
    except ConditionError:
        return False


@given(
    st.text(alphabet=string.ascii_letters + " ;'-/*#", max_size=40),
    st.sampled_from(["postgres", "sqlite", "oracle", "trino"]),
)
def test_a_quoted_text_is_never_more_than_a_text(text, dialect):
    literal = "'" + text.replace("'", "''") + "'"

    assert sql_readonly(f"SELECT {literal}", dialect) is True


@pytest.mark.parametrize(
    ("text", "dialect", "table"),
    [
        ("SELECT 1 WHERE 'k' IN secret", "sqlite", "secret"),
        ("SELECT 1 WHERE 'k' NOT IN main.secret", "sqlite", "main.secret"),
        ("SELECT x IN secret FROM t", "clickhouse", "secret"),
        ("SELECT * FROM t CROSS APPLY secret", "tsql", "secret"),
        ("SELECT * FROM t OUTER APPLY hr.secret s", "tsql", "hr.secret"),
    ],
)
def test_a_table_that_stands_without_from_is_named(text, dialect, table):
    assert table in sql(text, dialect)["tables"]


def test_the_name_of_a_cte_is_no_table_in_such_a_place_either():
    assert sql("WITH x AS (SELECT 1) SELECT 2 IN x", "sqlite")["tables"] == []


@pytest.mark.parametrize(
    "text", ["SELECT * FROM TABLE('secret')", "SELECT * FROM TABLE($x)", "SELECT * FROM IDENTIFIER('secret')"]
)
def test_a_table_that_a_text_names_is_an_effect(text):
    assert sql(text, "snowflake")["kind"] == "effect"


def test_what_stands_behind_the_flow_operator_is_another_statement():
    assert sql("SELECT 1 ->> DELETE FROM t", "snowflake")["kind"] == "multiple"


@pytest.mark.parametrize("dialect", ["postgres", "mysql", "bigquery", "spark", "duckdb", "trino"])
@pytest.mark.parametrize("opening", ["ARRAY[", "INT[", "DATE(", "DECIMAL(", "STRUCT("])
def test_values_that_could_be_types_do_not_double_the_time_with_each_bracket(dialect, opening):
    closing = "]" if opening.endswith("[") else ")"

    with pytest.raises(ConditionError):
        sql_readonly(f"SELECT {opening * 38}1{closing * 38}", dialect)


def test_arrays_and_structs_as_people_nest_them_are_read():
    assert sql_readonly("SELECT ARRAY[ARRAY[ARRAY[1, 2], ARRAY[3, 4]], ARRAY[ARRAY[5, 6]]]", "postgres")
    assert sql_readonly("SELECT STRUCT(STRUCT(DATE(a) AS d, STRUCT(1 AS x) AS y) AS z) FROM t", "bigquery")


def test_the_sources_of_a_query_are_not_looked_up_for_each_column_again():
    began = time.process_time()

    assert sql_readonly("SELECT a FROM t ORDER BY " + "t.a," * 1400 + "a", "oracle")
    assert time.process_time() - began < 2
