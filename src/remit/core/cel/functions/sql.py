"""SQL statements, judged by their tree in one dialect, never by their words.

Three gates, each of which refuses what it does not know: the text must read the same to the dialect's own lexer and to
`sqlglot` (`sql_text`); every node of the tree must be one that only reads; every function must be one that only reads
(`sql_names`). What remains: views, operators, casts and triggers on SELECT that someone defined with effects, and
the cost of a query. Use a role that may only read as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from remit.core.cel.errors import ConditionError
from remit.core.cel.functions.sql_kinds import ROOTS, kind_by_words, kind_of
from remit.core.cel.functions.sql_names import EFFECT_CLASSES, STRICT, has_effect, known
from remit.core.cel.functions.sql_text import RULES, Text, refusal
from remit.core.cel.functions.words import words

if TYPE_CHECKING:
    from sqlglot import Dialect, exp
    from sqlglot.tokenizer_core import Token

MAX_TEXT: Final = 20_000
"""Characters of one statement."""
_MAX_WORDS: Final = 6_000
_MAX_RETRIES: Final = 10_000  # ARRAY[ARRAY[..: the parser reads it as a type first, then again as a value

ALIASES: Final = {
    "postgresql": "postgres",
    "pg": "postgres",
    "mariadb": "mysql",
    "sqlite3": "sqlite",
    "mssql": "tsql",
    "sqlserver": "tsql",
    "spark2": "spark",
}
"""Other names by which a dialect is known."""


class _Judged(NamedTuple):
    kind: str
    tables: tuple[str, ...]
    functions: tuple[str, ...]
    readonly: bool


def sql(text: str, dialect: str) -> dict[str, str | list[str]]:
    """What a statement does: its kind, tables and functions.

    Kinds: ``read``; ``write``, ``ddl``, ``lock``, ``set``, ``copy``, ``grant``, ``transaction``, also where only a
    part does it; ``effect`` for a query that calls a function with effects or reads what is no table, such as a file;
    ``command`` for anything else; ``multiple`` for several statements. Tables are named as the database folds them,
    without the query's own CTEs; functions as written, in lower case.

    Refused is what cannot be parsed, what two readers understand differently, comments that are run,
    and more than 20,000 characters.

    >>> sql("SELECT lower(name) FROM crm.users u", "postgres")
    {'kind': 'read', 'tables': ['crm.users'], 'functions': ['lower']}
    >>> sql("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "postgres")["kind"]
    'write'
    """
    found = _judge(_limited(text), _dialect(dialect))
    return {"kind": found.kind, "tables": list(found.tables), "functions": list(found.functions)}


def sql_readonly(text: str, dialect: str) -> bool:
    """Whether it is one query that only reads, with no function but those known to do so.

    A function that someone defined is not known. To allow one, name it: ``sql(q, 'postgres').kind == 'read' &&
    sql(q, 'postgres').functions.all(f, f in ['count', 'our_function'])``.

    >>> sql_readonly("SELECT count(*) FROM t WHERE note = 'a; DROP TABLE t'", "postgres")
    True
    >>> sql_readonly('SELECT "pg_sleep"(9)', "postgres"), sql_readonly("SELECT our_function(1)", "postgres")
    (False, False)
    """
    return _judge(_limited(text), _dialect(dialect)).readonly


def load() -> None:
    """Import the parser; raises ImportError."""
    import sqlglot

    sqlglot.parser.logger.addFilter(_not_ours)


def check_dialect(args: Sequence[object]) -> None:
    """Refuse a literal dialect that is none."""
    if isinstance(args[1], str):
        try:
            _dialect(args[1])
        except ConditionError as error:
            raise ConditionError(f"{error}; known: {', '.join(sorted([*RULES, *ALIASES]))}") from None


_OURS: Final[ContextVar[bool]] = ContextVar("_OURS", default=False)


def _not_ours(_record: object) -> bool:
    """Drop what sqlglot logs of a statement that we judge: it would write the text into the log."""
    return not _OURS.get()


def _limited(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise refusal(f"longer than {MAX_TEXT} characters")
    return text


def _dialect(name: str) -> str:
    found = ALIASES.get(name.lower(), name.lower()) if len(name) < 20 else ""
    if found not in RULES:
        raise ConditionError(f"sql: no dialect {name[:20]!r}")
    return found


@lru_cache(maxsize=2048)
def _judge(text: str, dialect: str) -> _Judged:
    ours = _OURS.set(True)
    try:
        read = Text(text, RULES[dialect])
        return _without_tree(read) or _Judge(_explained(read, dialect), dialect).judge()
    except ConditionError:
        raise
    except RecursionError:
        raise refusal("nested too deep") from None
    except Exception as error:  # noqa: BLE001 - whatever the parser trips over is no answer
        raise refusal(f"cannot be parsed as {dialect}: {_first_line(error)}") from None
    finally:
        _OURS.reset(ours)


def _without_tree(text: Text) -> _Judged | None:
    """Judge by its first word a statement that sqlglot has no tree for."""
    kind = _FIRST_WORDS.get(text.words[0].text) if text.words and not text.words[0].quoted else None
    if kind is None:
        return None
    ends = [at for at, word in enumerate(text.words) if word.text == ";" and not word.quoted]
    return _Judged("multiple" if ends and ends[0] < len(text.words) - 1 else kind, (), (), False)


def _explained(text: Text, dialect: str) -> Text:
    """Return the statement after EXPLAIN: explaining it, or even running it to do so, does no more than it does."""
    words = [word.text for word in text.words]
    if words[:1] != ["explain"] or text.words[0].quoted or dialect in _EXPLAIN_WRITES:
        return text
    at = next((at for at, word in enumerate(words) if at and word not in _EXPLAIN_WORDS), len(words))
    if words[at : at + 1] not in (["select"], ["with"], ["values"], []):
        raise refusal("EXPLAIN of what is no plain query")
    return Text(text.text[text.words[at].start :], text.rules) if at < len(words) else text


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:80]}"


@lru_cache(maxsize=64)
def _known(dialect: str) -> frozenset[str]:
    from sqlglot import Dialect

    parser = Dialect.get_or_raise(dialect).parser_class
    return known(dialect, frozenset(name.lower() for name in parser.FUNCTIONS))


class _Judge:
    """One statement while it is judged."""

    def __init__(self, text: Text, dialect: str) -> None:
        from sqlglot import Dialect

        self.text = text
        self.name = dialect
        self.dialect: Dialect = Dialect.get_or_raise(dialect)
        self.words = text.words
        self.known = _known(dialect)

    def judge(self) -> _Judged:
        trees = self.parse()
        if len(trees) != 1:
            every = [self.functions(tree) for tree in trees]
            tables = _unique(name for tree in trees for name in self.tables(tree))
            return _Judged("multiple", tables, _unique(name for part in every for name, _ in part), False)
        functions = self.functions(trees[0])
        kind = self.kind(trees[0], [name for name, _ in functions])
        names = _unique(name for name, _ in functions)
        readonly = kind == "read" and all(fine for _, fine in functions) and self.calls_agree(trees[0])
        return _Judged(kind, self.tables(trees[0]), names, readonly)

    def parse(self) -> list[exp.Expr]:
        if not self.words:
            raise refusal("no statement")
        if len(self.words) > _MAX_WORDS:
            raise refusal("too many words")
        tokens = self.dialect.tokenize(self.text.text)
        if not self.text.agrees((t.start, t.end + 1, self.quoted(t)) for t in tokens):
            raise refusal("two readers disagree on where strings and comments end")
        if _retries(tokens, self.dialect.parser_class.TYPE_TOKENS) > _MAX_RETRIES:
            raise refusal("nested too deep")
        parsed = self.dialect.parser().parse(tokens, self.text.text)
        return [tree for tree in parsed if tree is not None and type(tree).__name__ != "Semicolon"]

    def quoted(self, token: Token) -> bool:
        """Whether it is a string or a quoted name; ``0xFF`` is called a string, too, and is none."""
        return token.token_type.name in _QUOTED_TOKENS and self.text.text[token.end] in _QUOTES

    def kind(self, tree: exp.Expr, functions: list[str]) -> str:
        root = ROOTS.get(type(tree).__name__, "command")
        if root != "read":
            return root
        words = kind_by_words(self.words, self.name)
        nodes = next(filter(None, (kind_of(node, self.name) for node in tree.walk())), "")
        if words or nodes:
            return words or nodes
        return "effect" if any(has_effect(name.lower()) for name in functions) else "read"

    def functions(self, tree: exp.Expr) -> list[tuple[str, bool]]:
        """Each function's name as written, and whether it is known to read only."""
        from sqlglot import exp

        found = []
        for node in tree.walk():
            if isinstance(node, exp.Func) and not isinstance(node.parent, exp.Hint):
                name = self.name_of(node)
                if name:
                    found.append((name, self.reads_only(name, node)))
                elif type(node).__name__ in EFFECT_CLASSES:
                    found.append((node.sql_name().lower(), False))
        return found

    def name_of(self, node: exp.Func) -> str:
        """Return the function's name with its schema, in lower case; empty for an operator or a keyword."""
        from sqlglot import exp

        start, end = node.meta.get("start"), node.meta.get("end")
        if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
            name = node.name
        elif start is not None and end is not None:
            name = self.text.text[start : end + 1].strip('"`[]')
        else:
            return ""
        quoted = start is not None and self.text.text[start] == '"'
        if quoted and self.name in STRICT and self.name != "sqlite":
            return _schema(node) + name  # "Lower" is another function than lower
        return _schema(node) + name.lower()

    def reads_only(self, name: str, node: exp.Func) -> bool:
        plain = name.removeprefix("pg_catalog.") if self.name == "postgres" else name
        if self.name == "bigquery":
            plain = plain.removeprefix("safe.")
        effect = has_effect(name.lower()) or type(node).__name__ in EFFECT_CLASSES
        return plain in self.known and not effect

    def tables(self, tree: exp.Expr) -> tuple[str, ...]:
        """Return the tables, without the names of CTEs that are in sight of the reference."""
        from sqlglot import exp

        found = []
        for node in list(tree.find_all(exp.Table, exp.In, exp.Lateral)):
            parts = self.table_name(node)
            if parts and not self.is_cte(node, parts):
                found.append(".".join(_shown(self.folded(part)) for part in parts))
        return _unique(found)

    def table_name(self, node: exp.Expr) -> list[exp.Identifier]:
        """Return the parts of a table's name, also in ``x IN t`` and ``CROSS APPLY t``; empty for what is no table."""
        from sqlglot import exp

        named: Any = node
        if isinstance(node, exp.In):
            named = node.args.get("field") if self.name in {"sqlite", "clickhouse"} else None
        elif isinstance(node, exp.Lateral):
            named = node.this
        if isinstance(named, exp.Identifier):
            return [named]
        if isinstance(named, exp.Dot):
            every = list(named.flatten())
        else:
            every = named.parts if isinstance(named, exp.Table | exp.Column) else []
        parts = [part for part in every if isinstance(part, exp.Identifier)]
        return parts if len(parts) == len(every) else []

    def folded(self, name: exp.Identifier) -> str:
        return str(self.dialect.normalize_identifier(name.copy()).name)

    def is_cte(self, node: exp.Expr, parts: list[exp.Identifier]) -> bool:
        from sqlglot import exp

        if len(parts) > 1:
            return False
        wanted = self.folded(parts[0])
        inside: Any = node
        while inside.parent is not None:
            outer, scope = inside.parent, inside.parent.args.get("with_")
            if isinstance(outer, exp.With):
                every = outer.expressions
                known_here = every if _recursive(outer, self.name) else every[: _index(every, inside)]
            else:
                known_here = scope.expressions if scope is not None and scope is not inside else []
            if any(self.folded(cte.args["alias"].this) == wanted for cte in known_here):
                return True
            inside = outer
        return False

    def calls_agree(self, tree: exp.Expr) -> bool:
        """Whether each name before a bracket is a function that was judged, a keyword, a type or a column list."""
        from sqlglot import exp

        judged = {node.meta.get("start") for node in tree.find_all(exp.Func)}
        lists = {
            node.meta.get("start")
            for node in tree.find_all(exp.Identifier)
            if isinstance(
                node.parent, exp.TableAlias | exp.Schema | exp.CTE | exp.Alias | exp.Tuple | exp.Window
            )
        }
        ends = [*self.words[2:], None]
        for word, following, then in zip(self.words, self.words[1:], ends, strict=False):
            if self.name == "oracle" and then is not None and (following.text, then.text) == ("(", "+"):
                continue  # the outer join of old: a.id = b.id(+)
            named = word.quoted or word.text[0].isalpha() or word.text[0] == "_"
            if named and following.text == "(" and not following.quoted:
                keyword = not word.quoted and (word.text in _BEFORE_BRACKET or word.text in self.known)
                if not keyword and word.start not in judged and word.start not in lists:
                    return False
        return True


def _retries(tokens: list[Token], types: Collection[object]) -> int:
    """How many tokens the parser reads again: what stands in brackets behind a type, twice for each such bracket."""
    levels: list[bool] = []
    depth = again = 0
    before = None
    for token in tokens:
        kind = token.token_type
        if kind.name in {"L_PAREN", "L_BRACKET"}:
            levels.append(before in types)
            depth += levels[-1]
        elif kind.name in {"R_PAREN", "R_BRACKET"} and levels:
            depth -= levels.pop()
        again += 2**depth - 1
        before = kind
    return again


def _schema(node: exp.Expr) -> str:
    """Return what stands before the name of a function, with its dot, in lower case."""
    from sqlglot import exp

    parts: list[str] = []
    inner, outer = node, node.parent
    while isinstance(outer, exp.Dot) and outer.expression is inner:
        before = outer.this
        while isinstance(before, exp.Dot):
            parts.insert(0, before.expression.name.lower())
            before = before.this
        parts.insert(0, before.name.lower() if isinstance(before, exp.Identifier | exp.Column) else "?")
        inner, outer = outer, outer.parent
    if isinstance(outer, exp.Table) and outer.this is inner:
        parts = [
            p.name.lower() for p in (outer.args.get("catalog"), outer.args.get("db")) if p is not None
        ] + parts
    if isinstance(outer, exp.SafeFunc | exp.NetFunc):
        parts.insert(0, "safe" if isinstance(outer, exp.SafeFunc) else "net")
    return "".join(part + "." for part in parts)


def _recursive(with_: exp.With, dialect: str) -> bool:
    return bool(with_.args.get("recursive")) or dialect in {"sqlite", "tsql", "fabric", "oracle"}


def _index(items: list[Any], wanted: object) -> int:
    return next(index for index, item in enumerate(items) if item is wanted)


def _shown(name: str) -> str:
    return name if name.replace("_", "a").replace("$", "a").replace("-", "a").isalnum() else f'"{name}"'


def _unique(names: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


_QUOTED_TOKENS: Final = words("""
    STRING IDENTIFIER BYTE_STRING HEX_STRING BIT_STRING NATIONAL_STRING NATIONAL_RAW_STRING RAW_STRING HEREDOC_STRING
    UNICODE_STRING
    """)
_QUOTES: Final = frozenset("'\"`]$")
_FIRST_WORDS: Final = {
    **dict.fromkeys(words("set reset use discard"), "set"),
    **dict.fromkeys(words("begin start commit rollback savepoint release end abort xa"), "transaction"),
    **dict.fromkeys(words("grant revoke deny reassign"), "grant"),
    **dict.fromkeys(words("copy load unload export import put get unlist"), "copy"),
    **dict.fromkeys(words("lock unlock"), "lock"),
    **dict.fromkeys(
        words("""
        add analyze assert attach backup cache call checkpoint close cluster cmd deallocate declare detach do exec execute
        fetch flush handler install kill listen map msck notify open optimize pragma prepare reconfigure reduce refresh
        reindex repair restore security show shutdown system uncache uninstall unlisten vacuum waitfor
        """),
        "command",
    ),
}
_EXPLAIN_WORDS: Final = words("analyze analyse verbose query plan extended")
_EXPLAIN_WRITES: Final = frozenset({"oracle", "tsql", "fabric"})
_BEFORE_BRACKET: Final = words("""
    in and or not as on using over select from where having when then else case values join by all any some exists
    distinct union intersect except minus limit offset top fetch partition order group filter within between like ilike
    rlike is null set interval with materialized recursive lateral apply unnest array row rows range groups returns sets
    only qualify pivot unpivot for tablesample bernoulli system block reservoir sample percent option hash cube rollup
    sets grouping struct map columns except exclude replace rename window keep escape similar to div mod xor regexp
    match against prewhere final anti semi inner outer left right full cross natural asof table nested path error empty
    return query at zone explode ordinality measures pattern define after skip define
    decimal numeric dec number varchar nvarchar char nchar character varying string varbinary binary varchar2 nvarchar2
    raw float double real time timestamp timestamptz datetime datetime2 datetimeoffset timestamp_ntz timestamp_ltz
    bit int integer bigint smallint tinyint enum vector text interval bpchar datetime64 fixedstring nullable
    lowcardinality signed unsigned year clob blob index nolock force use ignore key
    """)
