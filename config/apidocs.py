"""/api/docs/: the OpenAPI schema as a plain page of our own; no script, nothing from elsewhere."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    required: bool
    where: str
    description: str


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answer: tuple[Field, ...]
    statuses: tuple[tuple[str, str], ...]

    @property
    def anchor(self) -> str:
        return f"{self.method}-{self.path}".lower().translate(str.maketrans("/{}", "---")).strip("-")


@dataclass(frozen=True)
class Resource:
    name: str
    operations: tuple[Operation, ...]


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(
        request, "config/api_docs.html", {"resources": resources(), "server": request.build_absolute_uri("/")}
    )


@lru_cache(maxsize=1)
def resources() -> tuple[Resource, ...]:
    """The schema is the same for everyone and as long as the process lives."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # it has no types
    found: dict[str, list[Operation]] = defaultdict(list)
    for path, methods in schema["paths"].items():
        name = path.removeprefix("/api/v1/").split("/")[0]
        found[name] += [_operation(schema, method, path, methods[method]) for method in METHODS if method in methods]
    return tuple(Resource(name, tuple(operations)) for name, operations in sorted(found.items()))


def _operation(schema: Schema, method: str, path: str, said: Schema) -> Operation:
    text = said.get("description") or said.get("summary") or ""
    summary, _, rest = text.strip().partition("\n")
    good: Schema = next((answer for status, answer in said["responses"].items() if status.startswith("2")), {})
    return Operation(
        method=method.upper(),
        path=path,
        summary=summary,
        description=rest.strip(),
        parameters=tuple(
            Field(
                p["name"],
                _kind(schema, p.get("schema", {})),
                p.get("required", False),
                p["in"],
                p.get("description", ""),
            )
            for p in said.get("parameters", ())
        ),
        body=_fields(schema, said.get("requestBody", {})),
        answer=_fields(schema, good),
        statuses=tuple((status, answer.get("description", "")) for status, answer in said["responses"].items()),
    )


def _fields(schema: Schema, holder: Schema) -> tuple[Field, ...]:
    """The fields of a body's object; of a page of results, those of one result."""
    content: Schema = next(iter(holder.get("content", {}).values()), {})
    shape = _resolve(schema, content.get("schema", {}))
    if shape.get("type") == "array":
        shape = _resolve(schema, shape.get("items", {}))
    properties = shape.get("properties", {})
    if "results" in properties:
        shape = _resolve(schema, properties["results"].get("items", {}))
    needed = shape.get("required", ())
    return tuple(
        Field(name, _kind(schema, each), name in needed, "body", each.get("description", ""))
        for name, each in shape.get("properties", {}).items()
    )


def _resolve(schema: Schema, shape: Schema) -> Schema:
    reference = shape.get("$ref", "")
    found: Schema = schema["components"]["schemas"][reference.rpartition("/")[2]] if reference else shape
    return found


def _kind(schema: Schema, shape: Schema) -> str:
    """A type as people say it: `string, null`, `one of open, closed`, `list of integer`, a known object's name."""
    resolved = _resolve(schema, shape)
    if "enum" in resolved:
        return f"one of {', '.join(str(value) for value in resolved['enum'] if value not in ('', None))}"
    if resolved is not shape:
        return str(shape["$ref"]).rpartition("/")[2]
    if "allOf" in shape:
        return _kind(schema, shape["allOf"][0])
    for key in ("oneOf", "anyOf"):
        if key in shape:
            return " or ".join(_kind(schema, each) for each in shape[key])
    if shape.get("type") == "array":
        return f"list of {_kind(schema, shape.get('items', {}))}"
    kinds = shape.get("type", "anything")
    text = ", ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return f"{text} ({shape['format']})" if "format" in shape else text
