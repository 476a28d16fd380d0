"""Expressions people write (playbooks, mapped payloads): simpleeval, hardened. Exact 256-bit integers, comparisons,
and/or/not, if/else; no more.

simpleeval as it comes has float division, attribute calls and string repetition. Here only the listed syntax
exists, operators take integers of at most 512 bits, and the source is short, so time and memory are bounded.
"""

import ast
import keyword
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from simpleeval import InvalidExpression, SimpleEval

MAX_SOURCE = 500
MAX_DEPTH = 40
MAX_BITS = 512
MAX_TEXT = 4_000
TEMPLATE = re.compile(r"\$\{\{(.{0,600}?)\}\}", re.DOTALL)  # bounded: an open end would cost a square of the text
DISGUISE = "\u03ba"  # a letter that no name of ours holds
_PART = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\.\s*(?P<word>[a-z]+)\b""", re.ASCII)

type_names = {int: "a whole number", bool: "true/false", str: "text"}


class ExpressionError(ValueError):
    """What is wrong with an expression, in words for the person who wrote it."""


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExpressionError(f"arithmetic wants whole numbers, not {type_names.get(type(value), 'a record')}")
    return value


def _bounded(value: int) -> int:
    if value.bit_length() > MAX_BITS:
        raise ExpressionError(f"a number grew beyond {MAX_BITS} bits")
    return value


def _arithmetic(function: Callable[[int, int], int]) -> Callable[[object, object], int]:
    def apply(left: object, right: object) -> int:
        return _bounded(function(_integer(left), _integer(right)))

    return apply


def _power(base: int, exponent: int) -> int:
    if exponent < 0 or exponent * max(base.bit_length(), 1) > MAX_BITS:
        raise ExpressionError("that power is negative or too large")
    return int(base**exponent)


def _ordered(function: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
    def apply(left: object, right: object) -> bool:
        return function(_integer(left), _integer(right))

    return apply


def _same_kind(left: object, right: object) -> None:
    if type(left) is not type(right):
        names = [type_names.get(type(side), "a record") for side in (left, right)]
        raise ExpressionError(f"cannot compare {names[0]} with {names[1]}")


def _equal(left: object, right: object) -> bool:
    _same_kind(left, right)
    return left == right


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"and, or, not and if want true/false, not {type_names.get(type(value), 'a record')}")
    return value


OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: _arithmetic(operator.add),
    ast.Sub: _arithmetic(operator.sub),
    ast.Mult: _arithmetic(operator.mul),
    ast.FloorDiv: _arithmetic(operator.floordiv),
    ast.Mod: _arithmetic(operator.mod),
    ast.Pow: _arithmetic(_power),
    ast.Eq: _equal,
    ast.NotEq: lambda left, right: not _equal(left, right),
    ast.Lt: _ordered(operator.lt),
    ast.LtE: _ordered(operator.le),
    ast.Gt: _ordered(operator.gt),
    ast.GtE: _ordered(operator.ge),
    ast.Not: lambda value: not _truth(value),
    ast.USub: lambda value: _bounded(-_integer(value)),
}
ALLOWED = (
    *(ast.Expression, ast.Expr, ast.Constant, ast.Name, ast.Load, ast.Attribute, ast.UnaryOp, ast.BinOp),
    *(ast.BoolOp, ast.And, ast.Or, ast.Compare, ast.IfExp),
    *OPERATORS,
)
SLIPS = (
    (re.compile("&&"), "`and` for `&&`"),
    (re.compile(r"\|\|"), "`or` for `||`"),
    (re.compile("===|!=="), "`==` or `!=`"),
    (re.compile("!(?!=)"), "`not` for `!`"),
    (re.compile("(?<![=!<>:])=(?!=)"), "`==` to compare"),
)
"""How other languages write it, and how it is written here."""
OTHER: dict[type[ast.AST], str] = {
    ast.Call: "a function call",
    ast.Subscript: "`[…]`",
    ast.List: "a list",
    ast.Tuple: "a list",
    ast.Set: "a set",
    ast.Dict: "a record",
    ast.In: "`in`",
    ast.NotIn: "`not in`",
    ast.Is: "`is`",
    ast.IsNot: "`is not`",
    ast.JoinedStr: "`f'…'`",
    ast.UAdd: "a leading `+`",
    ast.Invert: "`~`",
    ast.BitAnd: "`&`",
    ast.BitOr: "`|`",
    ast.BitXor: "`^`",
    ast.LShift: "`<<`",
    ast.RShift: "`>>`",
    ast.MatMult: "`@`",
}
CONSTANTS: dict[str, object] = {"true": True, "false": False}


class Evaluator(SimpleEval):  # type: ignore[misc]  # simpleeval carries no types
    def __init__(self, names: Mapping[str, object]) -> None:
        super().__init__(operators=OPERATORS, functions={}, names={**CONSTANTS, **names})
        self.nodes = {
            ast.Expr: self._eval_expr,
            ast.Constant: self._eval_constant,
            ast.Name: self._eval_name,
            ast.Attribute: self._lookup,
            ast.UnaryOp: self._eval_unaryop,
            ast.BinOp: self._eval_binop,
            ast.BoolOp: self._both,
            ast.Compare: self._eval_compare,
            ast.IfExp: self._choose,
        }

    def _lookup(self, node: ast.Attribute) -> object:
        record = self._eval(node.value)
        if not isinstance(record, Mapping):
            raise ExpressionError(f"`.{node.attr}`: there is no record to take it from")
        if node.attr not in record:
            raise ExpressionError(f"`.{node.attr}` is not known; there is {', '.join(sorted(record)) or 'nothing'}")
        return record[node.attr]

    def _both(self, node: ast.BoolOp) -> bool:
        if isinstance(node.op, ast.And):
            return all(_truth(self._eval(value)) for value in node.values)
        return any(_truth(self._eval(value)) for value in node.values)

    def _choose(self, node: ast.IfExp) -> object:
        return self._eval(node.body if _truth(self._eval(node.test)) else node.orelse)


@lru_cache(maxsize=2_048)
def parse(source: str, *, also: tuple[type[ast.AST], ...] = ()) -> ast.Expr:
    """The tree of an expression, or ExpressionError; refuses every kind of syntax that is not listed above, or in
    `also` by somebody whose evaluator knows it."""
    text = source.strip()
    if not text:
        raise ExpressionError("the expression is empty")
    if len(text) > MAX_SOURCE:
        raise ExpressionError(f"the expression is longer than {MAX_SOURCE} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(_PART.sub(_disguised, text), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        slip = next((f" (write {right})" for wrong, right in SLIPS if wrong.search(text)), "")
        raise ExpressionError(f"this is not an expression; for example: paused == true{slip}") from None
    _refuse_other_syntax(tree, MAX_DEPTH, (*ALLOWED, *also))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            node.attr = node.attr.removeprefix(DISGUISE)
    return ast.Expr(value=tree.body)


def _disguised(found: "re.Match[str]") -> str:
    """`inputs.from`: behind a dot a word of Python's is a name like any other, though Python takes it for none."""
    word = found["word"]
    return f".{DISGUISE}{word}" if word and keyword.iskeyword(word) else found[0]


def _refuse_other_syntax(node: ast.AST, depth: int, allowed: tuple[type[ast.AST], ...]) -> None:
    if depth == 0:
        raise ExpressionError("the expression is nested too deeply")
    if isinstance(node, ast.Div):
        raise ExpressionError("`/` is not exact; use `//` for whole numbers")
    if not isinstance(node, allowed):
        raise ExpressionError(f"{OTHER.get(type(node), 'this')} is not allowed in an expression")
    if isinstance(node, ast.Constant) and type(node.value) not in (int, bool, str):
        raise ExpressionError("only whole numbers, true/false and text are allowed in an expression")
    if isinstance(node, ast.Constant) and type(node.value) is int:
        _bounded(node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        _refuse_odd_characters(node.value)
    for child in ast.iter_child_nodes(node):
        _refuse_other_syntax(child, depth - 1, allowed)


def _refuse_odd_characters(text: str) -> None:
    """Escapes such as `'\\0'` could write what no plan, database or screen holds, or what has a meaning inside."""
    for sign in text:
        if unicodedata.category(sign) in ("Cc", "Cs", "Co") and sign not in "\n\t":
            raise ExpressionError(f"a text in an expression holds U+{ord(sign):04X}, a character without meaning")


@lru_cache(maxsize=2_048)
def names_in(source: str) -> frozenset[str]:
    """Dotted names an expression uses: {"inputs.vault.address"}."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        name = dotted(node)
        if name:
            found.add(name)
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(parse(source))
    return frozenset(found - set(CONSTANTS))


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def evaluate(source: str, names: Mapping[str, object]) -> Any:
    """The value of an expression over `names`: an int, a bool, a text or a record. Never a float."""
    tree = parse(source)
    try:
        return Evaluator(names).eval(source, previously_parsed=tree)
    except ExpressionError:
        raise
    except ZeroDivisionError:
        raise ExpressionError("division by zero") from None
    except (InvalidExpression, TypeError, KeyError, RecursionError):
        unknown = sorted(name for name in names_in(source) if name.split(".")[0] not in names)
        known = ", ".join(sorted(names))
        what = f"{', '.join(unknown)} is not known here; there is {known}" if unknown else "cannot be worked out"
        raise ExpressionError(what) from None


def bare(source: str) -> str:
    """A condition may be written with or without `${{ … }}` around it."""
    whole = TEMPLATE.fullmatch(source.strip())
    return whole[1].strip() if whole else source.strip()


def is_template(value: object) -> bool:
    return isinstance(value, str) and "${{" in value


def template_expressions(text: str) -> list[str]:
    if text.count("${{") != len(TEMPLATE.findall(text)):
        raise ExpressionError("`${{` without its `}}`, which must follow within 600 characters")
    return [source.strip() for source in TEMPLATE.findall(text)]


def as_text(value: object) -> str:
    """How a value reads inside a sentence."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, str)):
        return str(value)
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        return str(value["text"])
    raise ExpressionError("a record cannot stand in a text; name one of its parts")


def fill(text: str, names: Mapping[str, object]) -> Any:
    """Replace `${{ … }}`. A text that is one expression alone keeps the value's type; otherwise the result is text."""
    sources = template_expressions(text)
    whole = TEMPLATE.fullmatch(text.strip())
    if whole and len(sources) == 1:
        return evaluate(sources[0], names)
    filled = TEMPLATE.sub(lambda match: as_text(evaluate(match.group(1), names)), text)
    if len(filled) > MAX_TEXT:
        raise ExpressionError(f"the text grew beyond {MAX_TEXT} characters")
    return filled


def fill_all(value: Any, names: Mapping[str, object]) -> Any:
    """`fill` through lists and mappings."""
    if isinstance(value, str):
        return fill(value, names) if is_template(value) else value
    if isinstance(value, Mapping):
        return {key: fill_all(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_all(item, names) for item in value]
    return value
