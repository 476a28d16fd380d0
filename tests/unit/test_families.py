"""The contract that every member of every closed family keeps."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from integrations.families import Family, Member

ROOT = Path(__file__).resolve().parent.parent.parent
MEMBERS = [pytest.param(family, name, id=f"{family.name}:{name}") for family in Family.all.values() for name in family]


def test_a_frozen_family_takes_no_more() -> None:
    family: Family[Member] = Family("oddity", Member)
    del Family.all["oddity"]
    family.register("one")(type("One", (Member,), {}))
    family.freeze()
    with pytest.raises(RuntimeError, match="closed"):
        family.register("two")(type("Two", (Member,), {}))


@pytest.mark.parametrize(("family", "name"), MEMBERS)
def test_every_member_keeps_the_contract(family: Family[Member], name: str) -> None:
    member = family[name]
    assert member.label and member.__doc__, "a member has a label, and a docstring that says what it is for"
    page = ROOT / "docs" / family.plural / f"{name}.md"
    assert page.exists() and len(page.read_text()) > 200, f"docs/{family.plural}/{name}.md tells how to use it"
    fixture = ROOT / "tests" / "fixtures" / family.plural / f"{name}.json"
    assert fixture.exists(), f"tests/fixtures/{family.plural}/{name}.json holds configs"
    cases = json.loads(fixture.read_text())
    assert cases["valid"], "at least one config that works"
    for config in cases["valid"]:
        member.Config.model_validate(config)
    for case in cases.get("invalid", []):
        with pytest.raises(ValidationError) as caught:
            member.Config.model_validate(case["config"])
        assert case["field"] in [".".join(map(str, error["loc"])) for error in caught.value.errors()]
