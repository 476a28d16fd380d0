"""Compiling: the same inputs give the same bytes; every input is checked; everything is resolved."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from governance.plans.canonical import hash_of
from ledger.errors import Invalid
from runbooks.plans.context import PlanContext
from runbooks.playbooks.inputs import InputSpec, read_inputs
from tests import language_world
from tests.language_world import FEED, GOLDEN, INPUTS, LIBRARY, PLANS, ROOT, SAFE, VAULT, WORLD, golden

YAML = (LIBRARY / "pause-on-stale-oracle.yaml").read_text(encoding="utf-8")
ASKED = INPUTS["pause-on-stale-oracle"]


def compiled(inputs: dict[str, Any] | None = None, world: PlanContext = WORLD) -> bytes:
    return language_world.compiled(YAML, inputs or ASKED, world).canonical()


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_golden_plan_is_reproduced_byte_for_byte(name: str) -> None:
    assert golden(name) == (PLANS / f"{name}.json").read_bytes()


def test_locale_time_zone_and_hash_seed_do_not_matter() -> None:
    code = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'; django.setup();"
        "from tests.language_world import GOLDEN, golden, hash_of;"
        "print(*(hash_of(golden(name)) for name in sorted(GOLDEN)))"
    )
    environment = {**os.environ, "LC_ALL": "C", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == [hash_of((PLANS / f"{name}.json").read_bytes()) for name in sorted(GOLDEN)]


def test_everything_is_resolved() -> None:
    plan = json.loads(compiled())
    assert "${{" not in json.dumps(plan)
    pause = next(step for step in plan["steps"] if step["id"] == "pause")
    assert pause["params"]["calls"] == [{"to": VAULT, "value": "0", "data": "0x8456cb59"}]
    assert pause["params"]["safe"] == {"chain_id": 731337, "address": SAFE}
    assert plan["chains"] == [731337]
    assert plan["steps"][0]["params"]["heartbeat"] == 60


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"feed": ""}, "inputs.feed", "is required"),
        ({"feed": "0x11"}, "inputs.feed", "an address is wanted"),
        ({"feed": VAULT}, "inputs.feed", "its role should be oracle"),
        ({"feed": "0x" + "99" * 20}, "inputs.feed", "no contract is registered"),
        ({"feed": {"address": FEED}}, "inputs.feed", "an address is wanted"),
        ({"guardian": VAULT}, "inputs.guardian", "no Safe is registered"),
        ({"heartbeat": "soon"}, "inputs.heartbeat", "a duration is wanted"),
        ({"heartbeat": 60}, "inputs.heartbeat", "a duration is wanted"),
        ({"surprise": 1}, "inputs.surprise", "has no such input"),
        ({"vault": "0x" + "44" * 20}, "steps.pause", "is on chain 1"),
    ],
)
def test_a_bad_input_is_named(change: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        compiled({**ASKED, **change})
    assert caught.value.field == field and said in caught.value.message


def test_an_audience_that_does_not_exist_stops_the_plan() -> None:
    world = PlanContext(contracts=WORLD.contracts, safes=WORLD.safes, audiences=frozenset({"responders"}))
    with pytest.raises(Invalid, match="there is no audience stakeholders"):
        compiled(world=world)


@pytest.mark.parametrize(
    ("spec", "value", "result"),
    [
        ({"type": "uint256"}, str(2**256 - 1), {"type": "uint256", "value": str(2**256 - 1)}),
        ({"type": "uint256"}, 7, {"type": "uint256", "value": "7"}),
        ({"type": "uint256"}, str(2**256), "a whole number"),
        ({"type": "uint256"}, True, "a whole number"),
        ({"type": "uint256"}, "-1", "a whole number"),
        ({"type": "uint256"}, "\u0661", "a whole number"),
        (
            {"type": "amount", "unit": "hUSD", "decimals": 6},
            "1_500.25",
            {"type": "amount", "value": "1500250000", "unit": "hUSD", "decimals": 6, "text": "1500.25 hUSD"},
        ),
        ({"type": "amount", "unit": "hUSD", "decimals": 2}, "1.234", "only 2 decimals"),
        ({"type": "amount", "unit": "hUSD", "decimals": 2}, "many", "an amount in hUSD"),
        ({"type": "choice", "choices": ["a", "b"]}, "c", "one of a, b"),
        ({"type": "text", "max_length": 3}, "abcd", "at most 3"),
        ({"type": "text"}, "a\x00", "control characters"),
        ({"type": "text"}, "a\ue000b\ue001", "without meaning"),
        ({"type": "address"}, "0x" + "aB" * 20, "checksum"),
        ({"type": "address"}, FEED.upper().replace("0X", "0x"), {"type": "address", "value": FEED}),
    ],
)
def test_input_types(spec: dict[str, Any], value: Any, result: Any) -> None:
    specs = {"it": InputSpec.model_validate(spec)}
    if isinstance(result, str):
        with pytest.raises(Invalid, match=result):
            read_inputs(specs, {"it": value}, WORLD)
    else:
        assert read_inputs(specs, {"it": value}, WORLD)["it"] == result
