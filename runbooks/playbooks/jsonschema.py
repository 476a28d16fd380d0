"""The published JSON Schema of the language: what an editor completes, and the same that lint's first half wants."""

from typing import Any

from runbooks.playbooks.form import CONTROL_SAYS
from runbooks.playbooks.schema import RESERVED, Playbook, StepBase, Undo, written_keys
from runbooks.steps import STEPS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
STEP = {"$ref": "#/$defs/Step"}


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the YAML as it is written."""
    schema = Playbook.model_json_schema(mode="validation")
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    types = _types(definitions)
    definitions["Step"] = _step(StepBase.model_json_schema(), types, definitions)
    definitions["Undo"] = _undo(Undo.model_json_schema(), types)
    when = schema["properties"]["when"]
    schema["properties"]["when"] = {**_one_or_many(when), "description": when["description"]}
    return {"$schema": DIALECT, **_linked(schema)}


def _types(definitions: dict[str, Any]) -> dict[str, Any]:
    """The config of every step type, under `$defs`."""
    found = {}
    for name in STEPS:
        member = STEPS[name]
        config = member.Config.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        definitions.update({f"{name}.{key}": value for key, value in config.pop("$defs", {}).items()})
        definitions[name] = {**config, "title": member.label, "description": (member.__doc__ or "").strip()}
        found[name] = {"$ref": f"#/$defs/{name}"}
    return found


def _step(base: dict[str, Any], types: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    definitions.update({key: value for key, value in base.pop("$defs", {}).items() if key != "Undo"})
    properties: dict[str, Any] = {**base["properties"], **types}
    properties["id"] = {**properties["id"], "not": {"enum": list(RESERVED)}}
    words = {key: {"description": base["properties"][key]["description"]} for key in ("needs", "if", "before", "after")}
    properties["needs"] = {"anyOf": [*_one_or_many(_array_of(properties["needs"]))["anyOf"], {"type": "null"}]}
    guard = next(one for one in base["properties"]["if"]["anyOf"] if one.get("type") == "string")
    properties["if"] = {"anyOf": [guard, types["if"], {"type": "null"}]}
    for key in ("before", "after"):
        properties[key] = {"anyOf": [types["check"], {"type": "array", "items": types["check"], "maxItems": 5}]}
    for key, said in words.items():
        properties[key] |= said
    meaningless = dict.fromkeys(sorted(written_keys(StepBase) - CONTROL_SAYS), False)
    control = [name for name in STEPS if STEPS[name].control]
    return {
        "type": "object",
        "title": "Step",
        "properties": properties,
        "required": ["id"],
        "oneOf": [_names(name) for name in STEPS],
        "allOf": [{"if": _names(name), "then": {"properties": meaningless}} for name in control],
        "additionalProperties": False,
    }


def _undo(base: dict[str, Any], types: dict[str, Any]) -> dict[str, Any]:
    own = {name: types[name] for name in types if not STEPS[name].control}
    said = {key: value for key, value in base["properties"].items() if key not in ("type", "config")}
    return {
        "type": "object",
        "title": "Undo",
        "description": (Undo.__doc__ or "").strip(),
        "properties": {**said, **own},
        "oneOf": [{"required": [name]} for name in own],
        "additionalProperties": False,
    }


def _names(name: str) -> dict[str, Any]:
    """The step says this type; `if` with text is a guard."""
    if name == "if":
        return {"required": [name], "properties": {name: {"type": "object"}}}
    return {"required": [name]}


def _array_of(schema: dict[str, Any]) -> dict[str, Any]:
    return next((one for one in schema.get("anyOf", ()) if one.get("type") == "array"), schema)


def _one_or_many(array: dict[str, Any]) -> dict[str, Any]:
    many = {key: value for key, value in array.items() if key in ("type", "items", "maxItems", "minItems")}
    return {"anyOf": [many["items"], many]}


def _linked(value: Any) -> Any:
    """Steps inside steps are steps; where names have a form, others are none."""
    if isinstance(value, dict):
        if value.get("$comment") == "a step":
            return STEP
        if "patternProperties" in value:
            value = {"additionalProperties": False, **value}
        return {key: _linked(item) for key, item in value.items()}
    return [_linked(item) for item in value] if isinstance(value, list) else value
