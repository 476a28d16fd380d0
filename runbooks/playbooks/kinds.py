"""What kind of value an expression has, without working it out: whole number, true/false, text or record."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal

from integrations.chain.addresses import checksum
from integrations.expressions import ExpressionError, dotted, evaluate, names_in, parse

Kind = Literal["number", "truth", "text", "record", "any"]
WORDS: dict[Kind, str] = {"number": "a whole number", "truth": "true/false", "text": "text", "record": "a record"}
OF_INPUT: dict[str, dict[str, Kind]] = {
    "address": {"": "text"},
    "contract": {"": "record", "chain_id": "number", "address": "text", "name": "text", "role": "text", "text": "text"},
    "safe": {"": "record", "chain_id": "number", "address": "text", "name": "text", "text": "text"},
    "uint256": {"": "number"},
    "amount": {"": "record", "value": "number", "unit": "text", "decimals": "number", "text": "text"},
    "duration": {"": "record", "seconds": "number", "text": "text"},
    "choice": {"": "text"},
    "text": {"": "text"},
}
OF_OUTPUT: dict[str, Kind] = {"uint256": "number", "int256": "number", "bool": "truth"}  # all else is text
FILLED = "filled_in"  # the name of what stands where a template does
ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
CONSTANTS: dict[str, Kind] = {"true": "truth", "false": "truth"}


def kind_of(source: str, names: Mapping[str, Kind]) -> Kind:
    """`names`: by dotted name; what is not among them can be anything. ExpressionError when kinds do not fit."""
    return _kind(parse(source).value, {**CONSTANTS, **names})


def _kind(node: ast.AST, names: Mapping[str, Kind]) -> Kind:
    match node:
        case ast.Constant(value=value):
            return "truth" if isinstance(value, bool) else "number" if isinstance(value, int) else "text"
        case ast.Name() | ast.Attribute():
            return names.get(dotted(node), "any")
        case ast.Compare():
            return _compare(node, names)
        case ast.BoolOp(values=values):
            for part in values:
                _want(part, "truth", "and, or", names)
            return "truth"
        case ast.IfExp(test=test, body=body, orelse=orelse):
            _want(test, "truth", "if", names)
            kinds = {_kind(body, names), _kind(orelse, names)}
            return kinds.pop() if len(kinds) == 1 else "any"
    return _operation(node, names)


def _operation(node: ast.AST, names: Mapping[str, Kind]) -> Kind:
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _want(operand, "truth", "not", names)
        case ast.UnaryOp(operand=operand):
            return _want(operand, "number", "-", names)
        case ast.BinOp(left=left, right=right):
            _want(left, "number", "arithmetic", names)
            return _want(right, "number", "arithmetic", names)
    return "any"


def _want(node: ast.AST, wanted: Kind, what: str, names: Mapping[str, Kind]) -> Kind:
    found = _kind(node, names)
    if found not in (wanted, "any"):
        raise ExpressionError(f"{what} wants {WORDS[wanted]}, and `{ast.unparse(node)}` is {WORDS[found]}")
    return wanted


def _compare(node: ast.Compare, names: Mapping[str, Kind]) -> Kind:
    sides = [node.left, *node.comparators]
    for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
        if not isinstance(operator, ast.Eq | ast.NotEq):
            _want(left, "number", "an order", names)
            _want(right, "number", "an order", names)
            continue
        kinds = (_kind(left, names), _kind(right, names))
        if "any" not in kinds and kinds[0] != kinds[1]:
            what = f"`{ast.unparse(left)}` is {WORDS[kinds[0]]}, `{ast.unparse(right)}` is {WORDS[kinds[1]]}"
            raise ExpressionError(f"these are never equal: {what}")
    return "truth"


def never_equal(source: str, options: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Comparisons of a name that has only some values with a text that is none of them: (name, text)."""
    for node in ast.walk(parse(source)):
        match node:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                for name, value in ((dotted(left), right), (dotted(right), left)):
                    known = options.get(name)
                    if known and isinstance(value, ast.Constant) and value.value not in known:
                        yield name, str(value.value)


@lru_cache(maxsize=2_048)
def faults(source: str) -> tuple[str, ...]:
    """What is wrong in it whatever its names stand for: a division by zero, a number too large, an odd address."""
    found: list[str] = []
    tree = parse(source).value
    if _without_names(tree, found):
        found += _fault_of(tree)
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(op=ast.FloorDiv() | ast.Mod(), right=ast.Constant(value=0)):
                found.append("division by zero")
            case ast.Constant(value=str(text)) if ADDRESS.fullmatch(text) and checksum(text) != text:
                found.append(f"no address is `{text}`: this one is written {checksum(text)}")
    return tuple(dict.fromkeys(found))


def _without_names(node: ast.AST, found: list[str]) -> bool:
    """Whether nothing in it has a name; if something has, the parts of it that have none are worked out."""
    children = list(ast.iter_child_nodes(node))
    without = [_without_names(child, found) for child in children]
    if not all(without) and not isinstance(node, ast.Name):
        for child, plain in zip(children, without, strict=True):
            if plain:
                found += _fault_of(child)
    return all(without) and not isinstance(node, ast.Name | ast.Attribute)


def _fault_of(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp | ast.IfExp):
        return []
    try:
        evaluate(ast.unparse(node), {})
    except ExpressionError as error:
        return [str(error)]
    return []


def must_make_sense(where: str, condition: str, kinds: Mapping[str, Kind]) -> None:
    """ValueError for names that nothing has, kinds that do not fit, and what can never be worked out."""
    known = sorted(name for name in kinds if "." not in name)
    for name in sorted(names_in(condition) - {FILLED}):
        root = name.split(".")[0]
        if root not in kinds:
            raise ValueError(f"`{where}` uses {root}; the reads are {', '.join(known)}")
        if name not in kinds and kinds[root] != "any":
            parts = [one for one in sorted(kinds) if one.startswith(f"{root}.")]
            raise ValueError(f"`{where}` uses {name}; there is {', '.join(parts) or root}")
    if fault := next(iter(faults(condition)), ""):
        raise ValueError(f"`{where}`: {fault}")
    kind = kind_of(condition, kinds)
    if kind not in ("truth", "any"):
        raise ValueError(f"`{where}` is {WORDS[kind]}; a condition is true or false, such as `paused == true`")


def asserted_done(source: str) -> tuple[str, ...]:
    """The steps whose `status == 'done'` a condition demands, so that what they yield is known where it holds."""
    return tuple(step for node in _demands(parse(source).value) if (step := _done_step(node)))


def _demands(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return [inner for value in node.values for inner in _demands(value)]
    return [node]


def _done_step(node: ast.AST) -> str:
    match node:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            for name, value in ((left, right), (right, left)):
                parts = dotted(name).split(".")
                done = isinstance(value, ast.Constant) and value.value == "done"
                if done and len(parts) == 3 and parts[0] == "steps" and parts[2] == "status":
                    return parts[1]
    return ""
