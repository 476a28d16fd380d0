"""`${{ inputs.vault.name }}` as CACAO writes it, `__vault-name__:value`, and the definitions of what is used.

Secrets have no value anywhere in a playbook, only a name; what somebody wrote in their place stays here too.
"""

import ast
import copy
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from integrations.expressions import CONSTANTS, TEMPLATE, ExpressionError, names_in, parse
from runbooks.playbooks.durations import spell
from runbooks.playbooks.inputs import InputSpec
from runbooks.playbooks.schema import Playbook, Step
from runbooks.steps import STEPS

TYPES = {"address": "hexstring", "contract": "hexstring", "safe": "hexstring", "bytes32": "hexstring", "bool": "bool"}
PARTS = {"chain_id": "integer", "address": "hexstring"}
PRIVATE = re.compile(r"auth|token|secret|passw|credential|cookie|signature|session|api.?key|access.?key|^key$", re.I)


def variable(dotted: str) -> str:
    """`inputs.vault.name` → `__vault-name__`. A hyphen stands in no name of ours, so two never meet."""
    parts = dotted.split(".")
    named = parts[1:] if parts[0] == "inputs" and len(parts) > 1 else parts
    return f"__{'-'.join(named)}__"


class Variables:
    """Gathers what is used while a playbook is put into CACAO's words."""

    def __init__(self, document: Playbook, steps: Mapping[str, Step]) -> None:
        self._inputs: Mapping[str, InputSpec] = document.inputs
        self._steps = steps
        self._used: dict[str, str] = {f"__{name}__": f"inputs.{name}" for name in document.inputs}

    def text(self, words: str) -> str:
        return TEMPLATE.sub(lambda match: self._template(match.group(1)), words)

    def names(self, words: str) -> list[str]:
        """The variables that stand in a text of ours."""
        found: set[str] = set()
        for match in TEMPLATE.finditer(words):
            found |= self._names(match.group(1))
        return sorted(found)

    def condition(self, source: str) -> str:
        """An expression with variables; AND, OR and NOT as STIX patterns write them."""
        whole = TEMPLATE.fullmatch(source.strip())
        text = whole.group(1) if whole else source
        self._names(text)
        return _spell(parse(text).value)

    def secret(self, name: str) -> str:
        return f"{self._take(f'secrets.{name}')}:value"

    def plain(self, value: Any, key: str = "") -> Any:
        """A config as it may leave the house: variables in place of templates, names in place of secrets."""
        if isinstance(value, Mapping):
            if set(value) == {"$secret"}:
                return self.secret(str(value["$secret"]))
            return {str(name): self.plain(item, str(name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.plain(item, key) for item in value]
        if isinstance(value, str) and TEMPLATE.search(value):
            return self.text(value)
        return value

    def guarded(self, value: Any, key: str = "") -> Any:
        """As `plain`, for what goes to other machines: under a name such as Authorization nothing written stays."""
        if isinstance(value, Mapping) and set(value) != {"$secret"}:
            return {str(name): self.guarded(item, str(name)) for name, item in value.items()}
        if isinstance(value, list):
            return [self.guarded(item, key) for item in value]
        if PRIVATE.search(key) and isinstance(value, str | int) and not TEMPLATE.search(str(value)):
            return self.secret(re.sub(r"[^a-z0-9_]+", "_", key.lower()).strip("_")[:60] or "value")
        return self.plain(value, key)

    def address(self, url: str) -> str:
        """A URL without what is private in its query."""
        parts = urlsplit(url)
        if not parts.query or not any(PRIVATE.search(name) for name, _ in parse_qsl(parts.query)):
            return self.text(url)
        query = [
            (name, self.secret(name.lower()) if PRIVATE.search(name) else value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        return self.text(urlunsplit(parts._replace(query=urlencode(query, safe=":${} "))))

    def definitions(self) -> dict[str, dict[str, Any]]:
        return {name: self._define(dotted.split(".")) for name, dotted in sorted(self._used.items())}

    def _template(self, source: str) -> str:
        """One name alone becomes its variable; anything that is worked out keeps our own way of writing it."""
        used = self._names(source)
        name = source.strip()
        return f"{variable(name)}:value" if re.fullmatch(r"[a-z]\w*(\.\w+)+", name) and used else f"${{{{ {name} }}}}"

    def _names(self, source: str) -> set[str]:
        try:
            return {self._take(dotted) for dotted in names_in(source) if "." in dotted}
        except ExpressionError:
            return set()

    def _take(self, dotted: str) -> str:
        self._used[variable(dotted)] = dotted
        return variable(dotted)

    def _define(self, parts: list[str]) -> dict[str, Any]:
        match parts:
            case ["inputs", name]:
                return _input(name, self._inputs.get(name))
            case ["inputs", name, part]:
                return {"type": PARTS.get(part, "string"), "description": f"{part} of {name}", "external": True}
            case ["steps", step, output]:
                kind = self._output(step, output)
                return {"type": TYPES.get(kind, "string"), "description": f"{output} of the step {step}"}
            case ["secrets", name]:
                words = f"The secret {name}. Whoever carries this out keeps its value."
                return {"type": "string", "description": words, "external": True}
        return {"type": "string", "description": " ".join(parts), "external": True}

    def _output(self, step: str, output: str) -> str:
        if step not in self._steps or output == "status":
            return "text"
        written = self._steps[step]
        found = STEPS[written.type].outputs(written.typed_config()).get(output)
        return str(found.type) if found else "text"


def _input(name: str, spec: InputSpec | None) -> dict[str, Any]:
    if spec is None:
        return {"type": "string", "description": name, "external": True}
    words = [spec.title or name, spec.help]
    words += [f"A {spec.type}" + (f" in {spec.unit}, {spec.decimals} decimals" if spec.unit else "") + "."]
    words += [f"One of: {', '.join(spec.choices)}."] if spec.choices else []
    defined: dict[str, Any] = {
        "type": TYPES.get(spec.type, "string"),
        "description": " ".join(part if part.endswith(".") else f"{part}." for part in words if part),
        "constant": False,
        "external": True,
    }
    if spec.default is not None:
        is_span = spec.type == "duration" and isinstance(spec.default, int)
        defined["value"] = spell(int(spec.default)) if is_span else str(spec.default)
    return defined


def _spell(node: ast.AST) -> str:
    if isinstance(node, ast.BoolOp):
        word = " AND " if isinstance(node.op, ast.And) else " OR "
        return "(" + word.join(_spell(value) for value in node.values) + ")"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return f"NOT ({_spell(node.operand)})"
    return ast.unparse(_Renamed().visit(copy.deepcopy(node)))  # `parse` keeps its trees for others


class _Renamed(ast.NodeTransformer):
    """Dotted names as variables. `ast.unparse` writes a name as it is, colons and all."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.copy_location(ast.Name(id=f"{variable(ast.unparse(node))}:value", ctx=ast.Load()), node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in CONSTANTS:
            return node
        return ast.copy_location(ast.Name(id=f"{variable(node.id)}:value", ctx=ast.Load()), node)
