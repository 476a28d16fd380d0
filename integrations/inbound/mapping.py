"""What an admin writes to find things in another system's JSON: a path (`alert.labels.level`, `items.0.name`), an
expression (`"SEV1" if level == "page" else "SEV3"`, `body["the key"]`), or text around some (`${{ name }} is down`).

What is not in the payload is empty text, so that one mapping can read payloads that differ.
"""

import ast
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints
from simpleeval import InvalidExpression

from integrations.expressions import (
    CONSTANTS,
    TEMPLATE,
    Evaluator,
    ExpressionError,
    as_text,
    parse,
    template_expressions,
)

PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+){0,20}")
ALSO = (ast.Subscript,)


def _checked(source: str) -> str:
    """ExpressionError, which is a ValueError, says what is wrong."""
    if source and not PATH.fullmatch(source):
        for one in template_expressions(source) if "${{" in source else [source]:
            parse(one, also=ALSO)
    return source


Mapped = Annotated[str, StringConstraints(max_length=500), AfterValidator(_checked)]


class _Names(dict[str, object]):
    def __missing__(self, name: str) -> object:
        return ""


class _OfPayload(Evaluator):
    """Missing parts are empty text; `[0]` and `["name"]` are known besides."""

    def __init__(self, names: Mapping[str, object]) -> None:
        super().__init__({})
        self.names: dict[str, object] = _Names({**CONSTANTS, **names})
        self.nodes[ast.Subscript] = self._index

    def _lookup(self, node: ast.Attribute) -> object:
        return _step(self._eval(node.value), node.attr)

    def _index(self, node: ast.Subscript) -> object:
        return _step(self._eval(node.value), self._eval(node.slice))


def _step(found: Any, name: object) -> object:
    if isinstance(found, Mapping) and isinstance(name, str):
        value = found.get(name)
    elif isinstance(found, list) and str(name).isdigit() and len(str(name)) < 7:
        value = found[int(str(name))] if int(str(name)) < len(found) else None
    else:
        value = None
    return "" if value is None else value


def value_of(source: str, names: Mapping[str, object]) -> Any:
    """What a mapping finds; ExpressionError where it cannot be worked out."""
    if not source:
        return ""
    if PATH.fullmatch(source) and source not in ("true", "false"):
        found: object = names
        for part in source.split("."):
            found = _step(found, part)
        return found
    if "${{" in source:
        return TEMPLATE.sub(lambda match: as_text(_evaluated(match.group(1).strip(), names)), source)
    return _evaluated(source, names)


def _evaluated(source: str, names: Mapping[str, object]) -> Any:
    tree = parse(source, also=ALSO)
    try:
        return _OfPayload(names).eval(source, previously_parsed=tree)
    except ExpressionError:
        raise
    except ZeroDivisionError:
        raise ExpressionError("division by zero") from None
    except (InvalidExpression, TypeError, KeyError, RecursionError):
        raise ExpressionError("cannot be worked out for this payload") from None
