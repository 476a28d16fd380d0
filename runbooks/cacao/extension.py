"""The one extension: what CACAO has no words for. Safes, chains, approvals, rules of a step, targets of a playbook.

On an action it stands in `step_extensions`, and what a reader without it must do stands in the action's command; on the
playbook it stands in `playbook_extensions`.
"""

from typing import Any

VERSION = "1.0.0"
NAME = "Breakglass steps"
DESCRIPTION = (
    "Steps of an emergency desk for smart contracts: proposals to a Safe, timelocked operations, transactions of "
    "executor accounts, contract reads, approvals by role, wallet or passkey; with each step's rules."
)
PATH = "/api/v1/playbooks/cacao-extension/"


def extension_schema() -> dict[str, Any]:
    """JSON Schema of both places where the extension stands."""
    words = {"type": "string"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": NAME,
        "description": DESCRIPTION,
        "$comment": f"version {VERSION}",
        "oneOf": [{"$ref": "#/$defs/step"}, {"$ref": "#/$defs/playbook"}],
        "$defs": {
            "step": {
                "title": "In step_extensions",
                "type": "object",
                "properties": {
                    "id": {**words, "description": "the step's id in the playbook; `<id>.rollback` undoes `<id>`"},
                    "step": {**words, "description": "the step type: safe, timelock, send, check, approve, manual, …"},
                    "config": {
                        "type": "object",
                        "description": "what the step does, in the playbook language; without the steps inside it",
                    },
                    "phase": {"enum": ["main", "rollback", "finally"]},
                    "role": {"enum": ["responder", "commander", "admin", "signers"]},
                    "expect": {**words, "description": "how long it usually takes, such as 5m"},
                    "attempts": {"type": "integer", "minimum": 1},
                    "delay": words,
                    "on_failure": {**words, "description": "stop, continue, rollback, or the id of a step below"},
                    "undo": {**words, "description": "the workflow step that undoes this one, once it is done"},
                    "only_if": {**words, "description": "the guard, in the playbook language"},
                    "before": {"type": "array", "items": {"type": "object"}},
                    "after": {"type": "array", "items": {"type": "object"}},
                    "lock": {"description": "a contract that no two runs act on at once"},
                    "bounds": {"type": "object"},
                    "marks": {"enum": ["contained", "restored"]},
                },
                "required": ["id", "step", "config", "phase", "role"],
                "additionalProperties": False,
            },
            "playbook": {
                "title": "In playbook_extensions",
                "type": "object",
                "properties": {
                    "playbook": words,
                    "version": {"type": "integer", "minimum": 1},
                    "sha256": {**words, "pattern": "^0x[0-9a-f]{64}$", "description": "of the YAML it was made from"},
                    "when": {"type": "array", "items": words},
                    "impact": words,
                    "targets": {"type": "object", "additionalProperties": words},
                    "approval": {"type": "object"},
                    "inputs": {"type": "object", "additionalProperties": {"type": "object"}},
                },
                "required": ["playbook", "version", "sha256"],
                "additionalProperties": False,
            },
        },
    }
