"""YAML text → plain data with the line and column of every value.

The node graph is read, not objects: no tags, no anchors (so no expansion), no duplicate keys, bounded in size,
depth and count; `0x…` stays text, so an unquoted address or calldata keeps its letters. What no plan, database or
screen could hold (control characters, halves of a character, those newer than a plan's) is refused, also where an
escape such as `"\\0"` writes it.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import Reader

from governance.plans.canonical import NotCanonical, canonical_bytes
from runbooks.steps import CLOSE, OPEN

MAX_BYTES = 64 * 1024
MAX_DEPTH = 28
MAX_NODES = 8_000
WHOLE = re.compile(r"[-+]?[0-9][0-9_]{0,119}")
UNWRITTEN = re.compile(f"[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f{OPEN}{CLOSE}]")
Path = tuple[str | int, ...]
RIGHT = {
    "'\\t'": "indent with spaces",
    "mapping values are not allowed": "put a text that holds `: ` in quotes, and indent the keys of one mapping alike",
    "cannot start any token": "put the text in quotes",
    "could not find expected ':'": "write `key: value`, with a space after the colon",
    "expected <block end>": "indent the keys of one mapping, and the items of one list, alike",
    "but got": "separate with commas, and close every `[` and `{`; a text that holds one of these stands in quotes",
    "end of stream": "close the quote",
    "document separator": "close the quote",
    "escape": "in double quotes a backslash is written twice; in single quotes it stands for itself",
    "another document": "one file is one playbook: remove the `---`",
    "incompatible YAML": "remove the line that begins with `%`",
    "directive": "remove the line that begins with `%`",
}
"""What would be right, by words of what the YAML parser says."""


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
    _refuse_odd_characters(text)
    yaml = YAML(typ="safe", pure=True)
    try:
        _refuse_expansion(yaml, text)
        node = yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = error.problem or "cannot be read"
        hint = next((right for words, right in RIGHT.items() if words in said), "put the text in quotes")
        raise NotReadable(Problem(line, column, f"not valid YAML: {said}", hint)) from None
    except (YAMLError, ValueError, RecursionError, AssertionError):
        raise NotReadable(Problem(1, 1, "not valid YAML", "begin with `playbook: my-playbook`")) from None
    if node is None:
        raise NotReadable(Problem(1, 1, "the file is empty", "start with `playbook: my-playbook`"))
    document = Document()
    document.data = _Builder(document).build(node, (), 0)
    return document


def _refuse_odd_characters(text: str) -> None:
    found = next((one for one in (Reader.NON_PRINTABLE.search(text), re.search(f"[{OPEN}{CLOSE}]", text)) if one), None)
    if found is None:
        return
    before, sign = text[: found.start()], ord(found[0])
    what = "a character without meaning" if found[0] in (OPEN, CLOSE) else "a character YAML does not allow"
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    raise NotReadable(Problem(*place, f"holds U+{sign:04X}, {what}", "remove it"))


def _refuse_expansion(yaml: YAML, text: str) -> None:
    """Before composing (which recurses): no anchors, aliases or tags, and bounded depth and count."""
    depth = 0
    for count, event in enumerate(yaml.parse(text)):
        name = type(event).__name__
        mark = event.start_mark
        line, column = mark.line + 1, mark.column + 1
        if name == "AliasEvent" or getattr(event, "anchor", None):
            raise NotReadable(Problem(line, column, "anchors and aliases are not allowed", "write the value again"))
        if getattr(event, "version", None) not in (None, (1, 2)):
            hint = "remove the line that begins with `%`"
            raise NotReadable(Problem(line, column, "a playbook is YAML 1.2", hint))
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
                raise NotReadable(Problem(*place, "a key must be a plain word", "write `key: value`"))
            key = _written(key_node)
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
        raw = _written(node)
        if node.style in ("'", '"', "|", ">"):
            return raw
        if tag == "int":
            return int(raw.replace("_", "")) if WHOLE.fullmatch(raw) else raw
        if tag == "bool":
            return raw.lower() == "true"
        if tag == "null":
            return None
        return raw


def _written(node: ScalarNode) -> str:
    """Its text, if a plan can hold it."""
    raw = str(node.value)
    if raw.isascii() and raw.isprintable():
        return raw
    place = (node.start_mark.line + 1, node.start_mark.column + 1)
    if odd := UNWRITTEN.search(raw):
        said = f"holds U+{ord(odd[0]):04X}, a character without meaning"
        raise NotReadable(Problem(*place, said, "remove it"))
    try:
        canonical_bytes(raw)
    except NotCanonical as error:
        raise NotReadable(Problem(*place, error.message, "remove it")) from None
    return raw
