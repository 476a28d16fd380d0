"""Values of the right kind for a playbook's inputs, so that lint can tell what stands where it cannot."""

from collections.abc import Mapping
from typing import Any

from integrations.expressions import bare, is_template
from runbooks.playbooks.inputs import InputSpec

_PLACE = {"chain_id": 1, "address": "0x" + "11" * 20, "name": "name", "text": "name"}
SAMPLES: dict[str, Any] = {
    "contract": _PLACE,
    "safe": _PLACE,
    "uint256": 1,
    "amount": {"value": 1, "unit": "unit", "decimals": 1, "text": "0.1 unit"},
    "duration": {"seconds": 1, "text": "1s"},
}
"""What is text could be anything: it is asked when it is known."""


def samples_of(inputs: Mapping[str, InputSpec]) -> dict[str, Any]:
    """A small value for each name whose kind is known; each one is an object of its own."""
    found: dict[str, Any] = {}
    for name, spec in inputs.items():
        sample = SAMPLES.get(spec.type)
        if isinstance(sample, Mapping):
            found[f"inputs.{name}"] = dict(sample)
            found |= {f"inputs.{name}.{part}": item for part, item in sample.items() if isinstance(item, int)}
        elif sample is not None:
            found[f"inputs.{name}"] = sample
    return found


def sampled(value: Any, samples: Mapping[str, Any]) -> Any:
    """A config in which a sample stands wherever an input stands as a whole."""
    if isinstance(value, Mapping):
        return {key: sampled(item, samples) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [sampled(item, samples) for item in value]
    return samples.get(bare(value), value) if is_template(value) else value
