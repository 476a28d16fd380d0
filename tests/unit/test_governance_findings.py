"""Every finding on the cases of its fixture: what it catches, and what it leaves alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from governance.findings import FINDINGS, Approved, CallFacts, Effect, Facts, find_all
from integrations.chain.abi import decode_call

SAFE = "0x41675C099F32341bf84BFc5382aF534df5C7461a"
FIXTURES = Path(__file__).parent.parent / "fixtures/findings"
HONEST: dict[str, Any] = {
    "safe": SAFE,
    "version": "1.4.1",
    "chain_kind": "devnet",
    "owners": [],
    "threshold": 2,
    "chain_nonce": 5,
    "nonce": 5,
    "operation": 0,
    "to": "0x3E5c63644E683549055b9Be8653de26E0B4CD36E",
    "readable": True,
    "simulated": True,
    "calls": [],
}
CASES = [
    pytest.param(name, case["facts"], case["grades"], id=f"{name}-{number}")
    for name in FINDINGS
    for number, case in enumerate(json.loads((FIXTURES / f"{name}.json").read_text())["cases"])
]


def call_of(raw: dict[str, Any]) -> CallFacts:
    fields = dict(raw)
    data = bytes.fromhex(fields.pop("data", "0x")[2:])
    signature = fields.pop("signature", "")
    return CallFacts(data=data, decoded=decode_call(signature, data) if signature else None, **fields)


def facts_of(changes: dict[str, Any]) -> Facts:
    fields = {**HONEST, **changes}
    fields["calls"] = tuple(call_of(raw) for raw in fields["calls"])
    for name in ("owners", "same_nonce"):
        fields[name] = tuple(fields.get(name, ()))
    approved = fields.get("proposed", {})
    fields["proposed"] = {one: Approved(said["simulated"], tuple(said["blocking"])) for one, said in approved.items()}
    fields["holders"] = frozenset(tuple(one) for one in fields.get("holders", ()))
    fields["effects"] = tuple(Effect(**one) for one in fields.get("effects", ()))
    return Facts(**fields)


@pytest.mark.parametrize(("name", "facts", "grades"), CASES)
def test_a_finding_says_what_it_should(name: str, facts: dict[str, Any], grades: list[str]) -> None:
    assert [found.grade for found in FINDINGS[name]().check(facts_of(facts))] == grades


def test_every_finding_has_a_case_that_it_catches_and_one_that_it_leaves_alone() -> None:
    for name in FINDINGS:
        cases = json.loads((FIXTURES / f"{name}.json").read_text())["cases"]
        assert any(case["grades"] for case in cases), name
        assert any(not case["grades"] for case in cases), name


def test_the_worst_comes_first_and_an_honest_call_is_quiet() -> None:
    pause = {"to": HONEST["to"], "label": "HelixVault", "registered": True, "code": True, "signature": "pause()"}
    honest = facts_of({"calls": [{**pause, "data": "0x8456cb59"}], "listed": True})
    assert find_all(honest) == []
    bad = facts_of({"calls": [{**pause, "data": "0x8456cb5900", "value": 3}], "simulated": None, "listed": True})
    assert [found.grade for found in find_all(bad)] == ["blocking", "warning", "note"]
    assert {found.label for found in find_all(bad)} == {"Hidden bytes", "It would fail", "Value that leaves"}
