"""One boolean SQL expression over a row's columns: read, checked against what is allowed, and made runnable.

What runs is not the user's text but what was read and allowed, written anew, with every column under a
name of ours. DuckDB is locked down besides: no files, no extensions, no settings.
"""

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from kto_data.errors import did_you_mean
from kto_data.labelers.rules.row import COLUMNS, SCOPES

if TYPE_CHECKING:
    from sqlglot import exp

MAX_CHARS = 10_000

# By the names that sqlglot has for the parts of an expression.
_OPERATORS = frozenset(
    [
        *("And", "Or", "Not", "Xor", "Paren", "EQ", "NEQ", "GT", "GTE", "LT", "LTE", "NullSafeEQ"),
        *("NullSafeNEQ", "Is", "In", "Between", "Like", "ILike", "Glob", "RegexpLike", "RegexpFullMatch"),
        *("Add", "Sub", "Mul", "Div", "IntDiv", "Mod", "Neg", "DPipe", "Case", "If", "Cast", "TryCast"),
        *("Literal", "Null", "Boolean", "Array", "Tuple", "Column", "Identifier", "DataType", "Bracket"),
        *(
            "Slice",
            "Interval",
            "Var",
            "Escape",
            "Dot",
            "HexString",
            "DataTypeParam",
            "ArrayOverlaps",
            "ArrayContainsAll",
        ),
    ]
)

FUNCTIONS = frozenset(
    [
        # texts
        *("length", "len", "strlen", "lower", "upper", "trim", "ltrim", "rtrim", "contains", "starts_with"),
        *("prefix", "suffix", "ends_with", "substring", "substr", "left", "right", "replace", "reverse"),
        *(
            "strpos",
            "instr",
            "position",
            "concat",
            "concat_ws",
            "split_part",
            "string_split",
            "regexp_matches",
        ),
        *("regexp_full_match", "regexp_extract", "regexp_replace", "levenshtein", "damerau_levenshtein"),
        *("jaccard", "jaro_similarity", "jaro_winkler_similarity", "hamming", "unicode", "ascii"),
        # numbers
        *("abs", "round", "floor", "ceil", "ceiling", "sign", "sqrt", "ln", "log", "log10", "log2", "exp"),
        *("power", "pow", "mod", "greatest", "least", "isnan", "isfinite", "isinf", "trunc"),
        # null
        *("coalesce", "ifnull", "nullif", "if", "iif"),
        # lists, structs, maps
        *("list_contains", "array_contains", "list_has", "array_has", "list_has_any", "list_has_all"),
        *(
            "array_has_any",
            "array_has_all",
            "array_overlaps",
            "array_contains_all",
            "array_length",
            "list_count",
            "list_distinct",
            "list_unique",
        ),
        *("list_sum", "list_max", "list_min", "list_avg", "list_extract", "list_element", "list_position"),
        *("array_to_string", "struct_extract", "element_at", "map_keys", "map_values", "cardinality"),
        # times
        *("date_diff", "datediff", "date_part", "extract", "date_trunc", "year", "month", "day", "hour"),
        *("minute", "second", "dayofweek", "epoch", "epoch_ms", "to_timestamp", "strptime", "strftime"),
        *("try_strptime", "dayofyear", "week", "quarter"),
        # JSON
        *(
            "json_valid",
            "json_extract",
            "json_extract_scalar",
            "json_extract_string",
            "json_array_length",
            "json_type",
        ),
    ]
)
"""The functions that an expression may use: each looks at its arguments alone and says the same every time."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that may run.

    Attributes:
        sql: It, over the columns c0, c1, ...
        columns: What these are, in order: `meta.x`, `finish_reason`, or a scope, which stands for its text.
    """

    sql: str
    columns: tuple[str, ...]


@lru_cache(maxsize=1024)
def read_expression(text: str) -> Expression:
    """Return the expression that a text is.

    Raises:
        ValueError: It is not one boolean expression, or uses something that is not allowed.

    >>> read_expression("meta.n > 3 AND finish_reason = 'stop'")
    Expression(sql="c0 > 3 AND c1 = 'stop'", columns=('meta.n', 'finish_reason'))
    """
    tree = _parsed(text)
    for part in tree.walk():
        problem = _problem(part)
        if problem:
            raise ValueError(problem)
    if not _may_be_boolean(tree):
        raise ValueError("is not true or false; compare it with something")
    columns: dict[str, int] = {}
    renamed = tree.transform(lambda part: _renamed(part, columns))
    return Expression(renamed.sql("duckdb", comments=False), tuple(columns))


def _parsed(text: str) -> "exp.Expr":
    import sqlglot
    from sqlglot.errors import SqlglotError

    if len(text) > MAX_CHARS:
        raise ValueError(f"has more than {MAX_CHARS:,} characters")
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what it cannot read is our message, not a warning
    try:
        trees = [tree for tree in sqlglot.parse(text, read="duckdb") if tree is not None]
    except SqlglotError as error:
        raise ValueError(f"is not SQL: {_plain(str(error))}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if len(trees) != 1:
        raise ValueError(f"should be one expression, not {len(trees)}")
    return trees[0]


def _plain(message: str) -> str:
    """Return the first line of sqlglot's message, without the codes that colour it."""
    return message.partition("\n")[0].replace("\x1b[4m", "").replace("\x1b[0m", "")[:150]


def _problem(part: "exp.Expr") -> str | None:
    """Return why a part of an expression may not be there, None if it may."""
    from sqlglot import exp

    if isinstance(part, exp.Query | exp.Exists | exp.DDL | exp.DML | exp.Command | exp.Table):
        return "may not have queries or statements in it: it is one expression over the row's columns"
    if isinstance(part, exp.Column):
        return _column_problem(part)
    if isinstance(part, exp.Star | exp.Columns):
        return "may not have *: name the columns"
    if isinstance(part, exp.Placeholder | exp.Parameter):
        return "may not have parameters; captured values cannot stand in SQL"
    if isinstance(part, exp.Dot):
        return None if _path(part) else "may use a dot only for columns of `meta`"
    if isinstance(part, exp.Func) and type(part).__name__ not in _OPERATORS:
        names = [name.lower() for name in _names_of(part)]
        if not FUNCTIONS.isdisjoint(names):
            return None
        name = names[-1] if names[-1].isidentifier() else names[0]
        return f"may not use the function {name}(){did_you_mean(name, FUNCTIONS).partition('; known')[0]}"
    if type(part).__name__ not in _OPERATORS and not isinstance(part, exp.Func):
        return f"may not use {type(part).__name__}"
    return None


def _names_of(function: "exp.Expr") -> list[str]:
    from sqlglot import exp

    if isinstance(function, exp.Anonymous):
        return [str(function.this)]
    return [*getattr(type(function), "_sql_names", ()), function.sql("duckdb").partition("(")[0]]


def _column_problem(column: "exp.Expr") -> str | None:
    name = _path(column) or ""
    known = [*SCOPES, *COLUMNS]
    if name.startswith("meta.") or name in known:
        return None
    return f"unknown column {name}{did_you_mean(name, [*known, 'meta.<column>'])}"


def _path(part: "exp.Expr") -> str | None:
    """Return a column's name as people write it: `meta.user.plan`; None for something else."""
    from sqlglot import exp

    if isinstance(part, exp.Column):
        names = [one.name for one in part.parts]
        return ".".join(names) if all(names) else None
    if isinstance(part, exp.Dot) and isinstance(part.expression, exp.Identifier):
        before = _path(part.this)
        return f"{before}.{part.expression.name}" if before else None
    return None


def _may_be_boolean(tree: "exp.Expr") -> bool:
    from sqlglot import exp

    if isinstance(tree, exp.Paren):
        return _may_be_boolean(tree.this)
    never = (exp.Literal, exp.Array, exp.Tuple, exp.Binary, exp.Neg, exp.Interval, exp.Null)
    if isinstance(tree, exp.Predicate | exp.Connector | exp.Not | exp.Column | exp.Dot | exp.Boolean):
        return True
    return not isinstance(tree, never)


def _renamed(part: "exp.Expr", columns: dict[str, int]) -> "exp.Expr":
    from sqlglot import exp

    path = _path(part) if isinstance(part, exp.Column | exp.Dot) else None
    if path is None:
        return part
    return exp.column(f"c{columns.setdefault(path, len(columns))}")
