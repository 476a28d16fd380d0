"""What a plan document holds: everything that will be done, resolved, in the order it will be done.

`runbooks` (and later `recovery`) compile into this. A step's `params` are whatever its step type asks for, with every
address, calldata, threshold and text resolved. What cannot be known when the plan is approved (the answer of an
earlier step) is a `Reference`: the rule that yields it and the bounds within which it must fall; wherever its value
goes, the params hold `{"$ref": "<id>"}`; inside a text `{"$text": ["a ", {"$ref": "<id>"}]}`; as an argument of a call
`{"$call": "f(uint256)", "args": [{"$ref": "<id>"}]}`, which becomes calldata once its values are known. A secret stands
there by its name, `{"$secret": "<name>"}`, and stays so: only the step that sends it looks it up.

A step that proposes Safe transactions keeps `safe` and `calls` in its params (see SafeCalls): execution refuses a
proposal whose calls are not exactly these.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from governance.plans.canonical import NotCanonical, canonical_bytes
from integrations.chain.abi import encode_call

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
Hash = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")]
Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
Uint = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,77})$")]
Data = Annotated[str, StringConstraints(pattern=r"^0x([0-9a-f]{2})*$")]
REFERENCE, TEXT, CALL, SECRET = "$ref", "$text", "$call", "$secret"
FORMS = ({REFERENCE}, {TEXT}, {CALL, "args"}, {SECRET})
"""Whatever else has a key with `$` is a mistake."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Part):
    """Where the plan was compiled from."""

    playbook: Name
    version: int = Field(ge=1)
    sha256: Hash  # of the playbook's YAML as it was read


class Bounds(Part):
    """Within which a value that is not known yet must fall. Numbers are decimal strings."""

    minimum: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,78}$")] | None = None
    maximum: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,78}$")] | None = None
    one_of: tuple[str, ...] | None = None
    max_length: int | None = Field(default=None, ge=1, le=10_000)


class Reference(Part):
    """A value that an earlier step will yield."""

    id: Name
    type: Literal["uint256", "int256", "address", "bytes32", "bool", "text"]
    rule: str = Field(min_length=1, max_length=200)  # e.g. "step:check.answer"
    bounds: Bounds = Bounds()


class Step(Part):
    id: Name
    type: Name
    title: str = Field(default="", max_length=200)
    needs: tuple[Name, ...] = ()
    params: dict[str, Any] = Field(default_factory=dict)


class Call(Part):
    """One call as it will reach its target: `operation` 1 (delegatecall) is only for the pinned MultiSendCallOnly."""

    to: Address
    value: Uint = "0"
    data: Data = "0x"


class SafeRef(Part):
    chain_id: int = Field(ge=1)
    address: Address


class SafeCalls(BaseModel):
    """The part of a proposing step's params that governance reads."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    safe: SafeRef
    calls: tuple[Call, ...] = Field(min_length=1, max_length=200)


class Document(Part):
    """A whole plan."""

    kind: Name  # "playbook", later "migration", …
    version: Literal[1] = 1
    environment: Literal["live", "drill", "rehearsal"]
    chains: tuple[int, ...]
    source: Source | None = None
    inputs: dict[str, Any] = Field(default_factory=dict)
    steps: tuple[Step, ...] = Field(min_length=1, max_length=200)
    references: tuple[Reference, ...] = ()

    @field_validator("chains")
    @classmethod
    def _sorted_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("name each chain once, in ascending order")
        return value

    @model_validator(mode="after")
    def _hangs_together(self) -> "Document":
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen:
                raise ValueError(f"the step id {step.id} is used twice")
            for need in step.needs:
                if need not in seen:
                    raise ValueError(f"step {step.id} needs {need}, which does not come before it")
            seen.add(step.id)
        odd = odd_form([step.params for step in self.steps])
        if odd:
            raise ValueError(f"the form {odd} is not known")
        known = [reference.id for reference in self.references]
        if len(known) != len(set(known)):
            raise ValueError("a reference id is used twice")
        used = set(references_in([step.params for step in self.steps]))
        if used - set(known):
            raise ValueError(f"no reference is called {', '.join(sorted(used - set(known)))}")
        return self

    def canonical(self) -> bytes:
        return canonical_bytes(self.model_dump(mode="json"))

    def step(self, step_id: str) -> Step | None:
        return next((step for step in self.steps if step.id == step_id), None)


def references_in(value: Any) -> list[str]:
    """The ids of all references used anywhere inside a value."""
    if isinstance(value, dict):
        if set(value) == {REFERENCE}:
            return [str(value[REFERENCE])]
        return [found for item in value.values() for found in references_in(item)]
    if isinstance(value, list | tuple):
        return [found for item in value for found in references_in(item)]
    return []


def resolve(value: Any, known: dict[str, str | bool]) -> Any:
    """Put the recorded values where their references stand; an unknown one raises KeyError."""
    if isinstance(value, dict):
        keys = set(value)
        if keys == {REFERENCE}:
            return known[str(value[REFERENCE])]
        if keys == {TEXT}:
            return "".join(_as_text(resolve(part, known)) for part in value[TEXT])
        if keys == {CALL, "args"}:
            return "0x" + encode_call(value[CALL], "", resolve(value["args"], known)).hex()
        return {key: resolve(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(item, known) for item in value]
    return value


def _as_text(value: str | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def odd_form(value: Any) -> str:
    """The first key with `$` that is none of the known forms, or ""."""
    if isinstance(value, dict):
        if any(key.startswith("$") for key in value) and not _is_form(value):
            return next(str(key) for key in value if key.startswith("$"))
        return next((found for item in value.values() if (found := odd_form(item))), "")
    if isinstance(value, list | tuple):
        return next((found for item in value if (found := odd_form(item))), "")
    return ""


def _is_form(value: dict[str, Any]) -> bool:
    if set(value) not in FORMS:
        return False
    if TEXT in value:
        return isinstance(value[TEXT], list) and all(
            isinstance(part, str) or (isinstance(part, dict) and set(part) == {REFERENCE}) for part in value[TEXT]
        )
    if CALL in value:
        return isinstance(value[CALL], str) and isinstance(value["args"], list)
    return all(isinstance(item, str) for item in value.values())


def check_value(reference: Reference, value: Any) -> str | bool:
    """The value in its recorded form; ValueError says which bound it broke."""
    if reference.type == "bool":
        if not isinstance(value, bool):
            raise ValueError("true or false is wanted")
        return value
    if not isinstance(value, str):
        raise ValueError(f"a {reference.type} is recorded as text")
    _check_type(reference.type, value)
    bounds = reference.bounds
    if bounds.one_of is not None and value not in bounds.one_of:
        raise ValueError(f"it must be one of {', '.join(bounds.one_of)}")
    if bounds.max_length is not None and len(value) > bounds.max_length:
        raise ValueError(f"it may have at most {bounds.max_length} characters")
    if reference.type in ("uint256", "int256"):
        if bounds.minimum is not None and int(value) < int(bounds.minimum):
            raise ValueError(f"{value} is below the plan's minimum {bounds.minimum}")
        if bounds.maximum is not None and int(value) > int(bounds.maximum):
            raise ValueError(f"{value} is above the plan's maximum {bounds.maximum}")
    try:
        canonical_bytes(value)
    except NotCanonical as error:
        raise ValueError(error.message) from None
    return value


_SHAPES = {
    "uint256": (re.compile(r"(0|[1-9][0-9]{0,77})"), "a decimal number of 0 or more"),
    "int256": (re.compile(r"(0|-?[1-9][0-9]{0,77})"), "a decimal number"),
    "address": (re.compile(r"0x[0-9a-fA-F]{40}"), "an address of 0x and 40 hex digits"),
    "bytes32": (re.compile(r"0x[0-9a-f]{64}"), "0x and 64 hex digits"),
}


def _check_type(kind: str, value: str) -> None:
    if kind in _SHAPES:
        shape, wanted = _SHAPES[kind]
        if not shape.fullmatch(value):
            raise ValueError(f"{wanted} is wanted")
