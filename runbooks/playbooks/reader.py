"""YAML text → plain data with the line and column of every value.

The node graph is read, not objects: no tags, no anchors (so no expansion), no duplicate keys, bounded in size,
depth and count; `0x…` stays text, so an unquoted address or calldata keeps its letters.
"""

from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from runbooks.steps import CLOSE, OPEN

MAX_BYTES = 64 * 1024
MAX_DEPTH = 28
MAX_NODES = 8_000
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a playbook: where, what, and what would be right. Lines and columns count from 1."""

    line: int
    column: int
    message: str
    hint: str = ""
    path: str = ""
    rule: str = "language"  # of which kind, for those that sort mistakes

    def at(self, file: str) -> str:
        return f"{file}:{self.line}:{self.column}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class NotReadable(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class Document:
    data: Any = None
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Path, key: bool = False) -> tuple[int, int]:
        """Where `path` stands, or the nearest thing around it that exists."""
        marks = self.keys if key else self.values
        if path in marks:
            return marks[path]
        while path:
            if path in self.values:
                return self.values[path]
            path = path[:-1]
        return (1, 1)


def read(text: str) -> Document:
    """Parse, or raise NotReadable with the place and the reason."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise NotReadable(Problem(1, 1, f"the file is larger than {MAX_BYTES // 1024} KiB", "split the playbook"))
    if mark := next((sign for sign in (OPEN, CLOSE) if sign in text), ""):
        before = text[: text.index(mark)]
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise NotReadable(Problem(*place, f"holds U+{ord(mark):04X}, a character without meaning", "remove it"))
    yaml = YAML(typ="safe", pure=True)
    try:
        _refuse_expansion(yaml, text)
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise NotReadable(Problem(line, column, f"not valid YAML: {error.problem or 'cannot be read'}")) from None
    except (YAMLError, ValueError, RecursionError) as error:
        kind = "holds a character YAML does not allow" if "character" in str(error) else "not valid YAML"
        raise NotReadable(Problem(1, 1, kind)) from None
    if node is None:
        raise NotReadable(Problem(1, 1, "the file is empty", "start with `title:`"))
    document = Document()
    document.data = _Builder(document).build(node, (), 0)
    return document


def _refuse_expansion(yaml: YAML, text: str) -> None:
    """Before composing (which recurses): no anchors, aliases or tags, and bounded depth and count."""
    depth = 0
    for count, event in enumerate(yaml.parse(text)):
        name = type(event).__name__
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if name == "AliasEvent" or getattr(event, "anchor", None):
            raise NotReadable(Problem(line, column, "anchors and aliases are not allowed", "write the value again"))
        if getattr(event, "tag", None):
            raise NotReadable(Problem(line, column, "tags are not allowed", "write the value without `!`"))
        depth += name.endswith("StartEvent") and name not in ("StreamStartEvent", "DocumentStartEvent")
        depth -= name in ("MappingEndEvent", "SequenceEndEvent")
        if depth > MAX_DEPTH or count > MAX_NODES:
            raise NotReadable(Problem(line, column, "the document is too deep or too long", "split the playbook"))


class _Builder:
    def __init__(self, document: Document) -> None:
        self.document = document

    def build(self, node: Node, path: Path, depth: int) -> Any:
        self.document.values[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.build(child, (*path, index), depth + 1) for index, child in enumerate(node.value)]
        return self._scalar(node) if isinstance(node, ScalarNode) else None

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, ScalarNode):
                raise NotReadable(Problem(*place, "a key must be a plain word"))
            key = str(key_node.value)
            if key in result:
                first = self.document.keys[(*path, key)][0]
                raise NotReadable(
                    Problem(*place, f"`{key}` stands here twice", f"the first is on line {first}; keep one")
                )
            self.document.keys[(*path, key)] = place
            result[key] = self.build(value_node, (*path, key), depth + 1)
        return result

    def _scalar(self, node: ScalarNode) -> str | int | bool | None:
        tag = str(node.tag).rsplit(":", 1)[-1]
        raw = str(node.value)
        if node.style in ("'", '"', "|", ">") or raw.lower().startswith(("0x", "0o")):
            return raw
        if tag == "int":
            return int(raw.replace("_", ""), 10) if len(raw) <= 120 else raw
        if tag == "bool":
            return raw.lower() == "true"
        if tag == "null":
            return None
        return raw
