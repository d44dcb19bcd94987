"""What a statement does beside reading: by the nodes of its tree, and by bare words whatever the tree says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remit.core.cel.functions.sql_names import EFFECT_CLASSES, known
from remit.core.cel.functions.sql_text import Word
from remit.core.cel.functions.words import words

if TYPE_CHECKING:
    from sqlglot import exp


def kind_by_words(text: list[Word], dialect: str) -> str:
    """Return the kind that bare words give away, whatever the tree says; empty if none."""
    for index, word in enumerate(text):
        if not word.quoted:
            before = text[index - 1].text if index else ""
            after = text[index + 1].text if index + 1 < len(text) else ""
            found = _kind_by_word(before, word.text, after) or _kind_in(dialect, before, word.text, after)
            if found:
                return found
    return ""


def _kind_by_word(before: str, word: str, after: str) -> str:
    if word == "into" and before != ".":
        return "write"
    if word in _WRITES and before == "(" and after not in {"(", ",", ")", "."}:
        return "write"
    return "lock" if (word, after) in _LOCKS and before != "." else ""


def _kind_in(dialect: str, before: str, word: str, after: str) -> str:
    """Return the kind that a word gives away in one dialect only."""
    if dialect in _WITHOUT_SEMICOLON:
        return "multiple" if word in _STARTS and before not in {".", "as", "("} else ""
    if dialect == "snowflake" and (before, word, after) == ("-", ">", ">"):
        return "multiple"  # the flow operator: another statement follows
    if dialect in _VARIABLES and (word, after) == (":", "="):
        return "set"
    if dialect == "sqlite" and before in {"$", "@", "#", ":"} and after in {"(", ":"}:
        return "command"
    return "set" if dialect == "clickhouse" and word == "settings" and before != "." else ""


def kind_of(node: exp.Expr, dialect: str) -> str:
    """Return what a node does beside reading; empty if nothing."""
    from sqlglot import exp

    name = type(node).__name__
    if name in _INNER or isinstance(node, exp.Table):
        return _INNER[name] if name in _INNER else _kind_of_table(node, dialect)  # type: ignore[arg-type]
    named_by_text = name == "TableFromRows" and dialect == "snowflake" and not isinstance(node.this, exp.Func)
    if name in EFFECT_CLASSES or named_by_text:
        return "effect"
    if isinstance(node, exp.WithTableHint):
        return "" if {part.name.lower() for part in node.expressions} <= _HARMLESS_HINTS else "lock"
    if isinstance(node, exp.Operator):
        return "" if str(node.args.get("operator", "")).lower().startswith("pg_catalog.") else "effect"
    if isinstance(node, exp.Column) and (
        (node.name.lower() == "nextval" and dialect in _SEQUENCES)
        or (dialect == "oracle" and _is_a_call(node))
    ):
        return "effect"
    reads = (
        isinstance(node, exp.Func | exp.Condition | exp.Query) or name in _READS or name.startswith("JSON")
    )
    return "" if reads else "command"


def _is_a_call(column: exp.Column) -> bool:
    """Whether a column's qualifier is no table of the statement: then it is a package, and the column a function."""
    from sqlglot import exp

    if not column.table:
        return False
    known_here = column.root().meta  # kept at the root: looking through the tree for each column is quadratic
    if _SOURCES not in known_here:
        sources = column.root().find_all(exp.Table, exp.CTE, exp.Subquery, exp.Lateral)
        known_here[_SOURCES] = {source.alias_or_name.lower() for source in sources}
    return column.table.lower() not in known_here[_SOURCES]


def _kind_of_table(table: exp.Table, dialect: str) -> str:
    from sqlglot import exp

    for part in table.parts:
        if isinstance(part, exp.Func | exp.Dot):
            continue
        if not isinstance(part, exp.Identifier) and table.this is not None:
            return "effect"  # a stage, a file: nothing that a name stands for
        text = part.name
        unusual = set("/\\@") if dialect != "duckdb" else set("/\\@.:*?")
        if any(sign in unusual for sign in text):
            return "effect"
    if (
        dialect == "sqlite"
        and table.name.lower().startswith("pragma_")
        and isinstance(table.this, exp.Identifier)
    ):
        return "" if table.name.lower() in known(dialect, frozenset()) else "effect"
    if dialect in {"spark", "databricks"} and table.db.lower() in _FILE_FORMATS:
        return "effect"  # csv.`x`: the file itself
    return "effect" if dialect in {"tsql", "fabric"} and len(table.parts) > 3 else ""


_SOURCES: Final = "remit.sources"
ROOTS: Final = {
    **dict.fromkeys(("Select", "Union", "Intersect", "Except", "Subquery", "Values"), "read"),
    **dict.fromkeys(("Insert", "Update", "Delete", "Merge", "MultitableInserts"), "write"),
    **dict.fromkeys(("Create", "Drop", "Alter", "TruncateTable", "Comment", "Undrop"), "ddl"),
    **dict.fromkeys(("Transaction", "Commit", "Rollback"), "transaction"),
    **dict.fromkeys(("Grant", "Revoke"), "grant"),
    **dict.fromkeys(("Copy", "LoadData", "Export", "Put", "Get"), "copy"),
    **dict.fromkeys(("Set", "Use", "AlterSession"), "set"),
}
_INNER: Final = {
    **{name: kind for name, kind in ROOTS.items() if kind != "read"},
    "Into": "write",
    "Lock": "lock",
    "Command": "command",
    "QueryTransform": "effect",
    "PropertyEQ": "",
    "Returning": "write",
    "OnConflict": "write",
    **dict.fromkeys(("Execute", "ExecuteSql", "Pragma", "Attach", "Detach", "Kill", "Install"), "command"),
}
_READS: Final = words("""
    WithinGroup Pseudocolumn Hint JoinHint Star Parameter SessionParameter Kwarg Alias PivotAlias PivotAny Aliases ForIn
    IgnoreNulls RespectNulls HavingMax Slice Filter Ordered Between Distinct DataTypeParam DataType PseudoType
    ObjectIdentifier IntervalSpan Interval With CTE TableAlias BitString HexString ByteString RawString UnicodeString
    ColumnPosition Partition Connect Prior From Having OnCondition Introducer National Fetch Group Cube Rollup
    GroupingSets Lambda Limit LimitOptions Join Nearest Lateral TableFromRows MatchRecognizeMeasure MatchRecognize
    Final Offset Order WithFill Cluster Distribute Sort Qualify Tuple ForClause IndexTableHint HistoricalData
    Values Version Schema TableSample Pivot UnpivotColumns Window WindowSpec PreWhere Where TranslateCharacters
    OverflowTruncateBehavior FormatJson JSONKeyValue OpenJSONColumnDef XMLNamespace XMLKeyValueOption TableColumn
    Variadic CharacterSet Comprehension QueryOption ColumnDef ScopeResolution ProjectionDef RecursiveWithSearch Var
    Identifier All Any Collate AtTimeZone FromTimeZone FormatPhrase AtIndex UnpivotColumns Opclass PartitionByExcluding
    NestedJSONSelect
    """)
_WRITES: Final = frozenset(
    {"insert", "update", "delete", "merge", "replace", "truncate", "upsert", "drop", "create", "alter"}
)
_LOCKS: Final = frozenset(
    {("for", "update"), ("for", "share"), ("for", "no"), ("for", "key"), ("lock", "in"), ("lock", "table")}
)
_VARIABLES: Final = frozenset({"mysql", "singlestore", "doris", "starrocks"})
_FILE_FORMATS: Final = words("avro binaryfile csv delta hudi iceberg image json libsvm orc parquet text xml")
_SEQUENCES: Final = frozenset({"oracle", "snowflake", "mysql", "redshift", "databricks"})
_WITHOUT_SEMICOLON: Final = frozenset({"tsql", "fabric"})
_STARTS: Final = words("""
    alter backup begin break bulk checkpoint close commit continue create dbcc deallocate declare delete deny disable
    drop dump enable exec execute go goto grant insert kill load merge open print raiserror readtext receive
    reconfigure restore return revert revoke rollback save send set shutdown throw truncate update updatetext use
    waitfor while writetext
    """)
_HARMLESS_HINTS: Final = words(
    "nolock readuncommitted readcommitted readpast noexpand forceseek forcescan snapshot index keepidentity"
)
