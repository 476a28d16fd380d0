"""What a CACAO v2.0 playbook must be, in our own words: the official schemas come in no package and are not ours to
copy. A strict JSON Schema for the shape, then what a schema cannot say: that every reference leads somewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
STEPS = ("start", "end", "action", "playbook-action", "parallel", "if-condition", "switch-condition")
TEXT = {"type": "string", "minLength": 1}
SCORE = {"type": "integer", "minimum": 0, "maximum": 100}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"}


def key(*kinds: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({'|'.join(kinds)})--{UUID}$"}


def record(required: Mapping[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def table(names: Mapping[str, Any], values: Any, least: int = 1) -> dict[str, Any]:
    return {"type": "object", "propertyNames": names, "additionalProperties": values, "minProperties": least}


def many(items: Any, least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "uniqueItems": True}


ANY_STEP = key(*STEPS)
NAME = {"type": "string", "pattern": r"^__[a-zA-Z_][a-zA-Z0-9_-]{0,199}__$"}
EXTENSIONS = table(key("extension-definition"), {"type": "object"})
VARIABLE = record(
    {"type": {"enum": ["bool", "hexstring", "integer", "long", "string", "uri"]}},
    description=TEXT,
    value={"type": "string"},
    constant={"type": "boolean"},
    external={"type": "boolean"},
)
ACTIVITY = {"enum": ["configure-systems", "execute-operation", "deliver-content", "analyze-collected-data"]}
COMMAND = {
    "oneOf": [
        record({"type": {"const": "manual"}, "command": TEXT}, playbook_activity=ACTIVITY),
        record(
            {
                "type": {"const": "http-api"},
                "command": {"type": "string", "pattern": r"^(GET|HEAD|POST|PUT|PATCH|DELETE) \S+ HTTP/1\.1$"},
            },
            headers=table(TEXT, many({"type": "string"})),
            content_b64={"type": "string", "pattern": "^[A-Za-z0-9+/]+=*$"},
            playbook_activity=ACTIVITY,
        ),
    ]
}
COMMON = {"name": TEXT, "description": TEXT, "step_extensions": EXTENSIONS}
THEN = {"on_completion": ANY_STEP}
EITHER = {"on_success": ANY_STEP, "on_failure": ANY_STEP}
ARGUMENTS = {"in_args": many(NAME), "out_args": many(NAME)}
MILLISECONDS = {"type": "integer", "minimum": 1}


def step(kind: str, required: Mapping[str, Any], **optional: Any) -> dict[str, Any]:
    return record({"type": {"const": kind}, **required}, **COMMON, **optional)


STEP_SHAPES = {
    "start": step("start", THEN),
    "end": step("end", {}),
    "action": step(
        "action",
        {"commands": many(COMMAND), "agent": key("group", "security-category"), **EITHER},
        targets=many(key("http-api")),
        timeout=MILLISECONDS,
        delay=MILLISECONDS,
        **ARGUMENTS,
    ),
    "playbook-action": step("playbook-action", {"playbook_id": key("playbook"), **EITHER}, **ARGUMENTS),
    "parallel": step("parallel", {"next_steps": many(ANY_STEP, 2), **THEN}),
    "if-condition": step("if-condition", {"condition": TEXT, "on_true": ANY_STEP, **THEN}, on_false=ANY_STEP),
    "switch-condition": step("switch-condition", {"switch": TEXT, "cases": table(TEXT, ANY_STEP), **THEN}),
}
ADDRESS = {
    "type": "object",
    "patternProperties": {"^(url|ipv4|ipv6|dname)$": many(TEXT)},
    "additionalProperties": False,
    "minProperties": 1,
}
AGENT = {
    "oneOf": [
        record({"type": {"const": "group"}, "name": TEXT}, description=TEXT),
        record(
            {"type": {"const": "security-category"}, "name": TEXT, "category": many({"const": "orchestrator"})},
            description=TEXT,
        ),
    ]
}
SUMMARY = (
    *("manual_playbook", "external_playbooks", "parallel_processing", "if_logic", "while_logic", "switch_logic"),
    *("temporal_logic", "data_markings", "digital_signatures", "countersigned_signatures", "extensions"),
)
PLAYBOOK = record(
    {
        "type": {"const": "playbook"},
        "spec_version": {"const": "cacao-2.0"},
        "id": key("playbook"),
        "name": TEXT,
        "created_by": key("identity"),
        "created": TIME,
        "modified": TIME,
        "workflow_start": key("start"),
        "workflow": {
            "type": "object",
            "patternProperties": {f"^{kind}--{UUID}$": shape for kind, shape in STEP_SHAPES.items()},
            "additionalProperties": False,
            "minProperties": 3,
        },
    },
    description=TEXT,
    revoked={"type": "boolean"},
    severity=SCORE,
    impact=SCORE,
    labels=many(TEXT),
    playbook_types=many({"enum": ["mitigation", "investigation", "notification"]}),
    playbook_activities=many(ACTIVITY),
    playbook_processing_summary=record({name: {"type": "boolean"} for name in SUMMARY}),
    external_references=many(record({"name": TEXT}, description=TEXT, url=TEXT, external_id=TEXT)),
    playbook_variables=table(NAME, VARIABLE),
    workflow_exception=ANY_STEP,
    playbook_extensions=EXTENSIONS,
    extension_definitions=table(
        key("extension-definition"),
        record(
            {
                "type": {"const": "extension-definition"},
                "name": TEXT,
                "created_by": key("identity"),
                "schema": TEXT,
                "version": TEXT,
            },
            description=TEXT,
        ),
    ),
    agent_definitions=table(key("group", "security-category"), AGENT),
    target_definitions=table(
        key("http-api"),
        record({"type": {"const": "http-api"}, "name": TEXT, "address": ADDRESS}, port={"type": "string"}),
    ),
)
Draft202012Validator.check_schema(PLAYBOOK)


def wrong_with(playbook: Mapping[str, Any], extension: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong; `extension` is the schema that the export's extension names."""
    found = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in _errors(PLAYBOOK, playbook)]
    return found or [*_references(playbook)] or [*_branches(playbook), *_extensions(playbook, extension)]


def _errors(schema: Mapping[str, Any], document: Any) -> Iterator[Any]:
    return Draft202012Validator(schema).iter_errors(document)


def leads_to(step: Mapping[str, Any]) -> list[str]:
    names = ("on_completion", "on_success", "on_failure", "on_true", "on_false")
    return [
        *(step[name] for name in names if name in step),
        *step.get("next_steps", ()),
        *step.get("cases", {}).values(),
    ]


def _references(playbook: Mapping[str, Any]) -> Iterator[str]:
    workflow, variables = playbook["workflow"], playbook.get("playbook_variables", {})
    uuids = [name.split("--")[1] for name in workflow]
    if len(set(uuids)) != len(uuids):
        yield "two steps have one UUID"
    for name in (playbook["workflow_start"], playbook["workflow_exception"]):
        if name not in workflow:
            yield f"{name} is nowhere"
    for name, step in workflow.items():
        yield from (f"{name} leads to {other}, which is nowhere" for other in leads_to(step) if other not in workflow)
        used = [*step.get("in_args", ()), *step.get("out_args", ())]
        yield from (f"{name} uses {one}, which is not defined" for one in used if one not in variables)
        yield from _hands(playbook, name, step)
    if bool(playbook.get("playbook_types")) != bool(playbook.get("playbook_activities")):
        yield "types and activities go together"
    if playbook["modified"] < playbook["created"]:
        yield "modified before it was created"


def _hands(playbook: Mapping[str, Any], name: str, step: Mapping[str, Any]) -> Iterator[str]:
    """Who does a step, to what, and what kind of deed it is."""
    if "agent" in step and step["agent"] not in playbook["agent_definitions"]:
        yield f"{name} has an unknown agent"
    for target in step.get("targets", ()):
        if target not in playbook["target_definitions"]:
            yield f"{name} has an unknown target"
    for command in step.get("commands", ()):
        if command.get("playbook_activity") not in (None, *playbook.get("playbook_activities", ())):
            yield f"{name} has an activity that the playbook does not list"


def _branches(playbook: Mapping[str, Any]) -> Iterator[str]:
    """From everywhere an end is reached, and nothing runs in a circle."""
    workflow = playbook["workflow"]
    state: dict[str, str] = {}

    def visit(name: str) -> Iterator[str]:
        if state.get(name) == "open":
            yield f"{name} is part of a circle"
        if name in state:
            return
        state[name] = "open"
        following = leads_to(workflow[name])
        if not following and workflow[name]["type"] != "end":
            yield f"{name} leads nowhere and is no end"
        for other in following:
            yield from visit(other)
        state[name] = "closed"

    yield from visit(playbook["workflow_start"])
    for name, step in workflow.items():
        extensions: list[dict[str, str]] = [*step.get("step_extensions", {}).values(), {"phase": "main"}]
        phase = extensions[0]["phase"]
        if name not in state and phase != "rollback" and step["type"] != "end":
            yield f"{name} is never reached"


def _extensions(playbook: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    known = playbook["extension_definitions"]
    places = [playbook["playbook_extensions"], *(s.get("step_extensions", {}) for s in playbook["workflow"].values())]
    for place in places:
        for name, content in place.items():
            if name not in known:
                yield f"the extension {name} is not defined"
            yield from (f"extension: {error.message[:200]}" for error in _errors(schema, content))
