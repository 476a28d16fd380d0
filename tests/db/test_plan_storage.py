"""Plans and their values in PostgreSQL: stored once, never changed."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from governance.plans.models import Plan
from governance.plans.services import create_plan, intact, record_value, resolved_params, values_hash
from ledger import Invalid, Refused
from ledger.models import Event
from ledger.scopes import open_scope

pytestmark = pytest.mark.django_db


def make(**changes: Any) -> Plan:
    document = {
        "kind": "playbook",
        "environment": "drill",
        "chains": [731337],
        "steps": [
            {"id": "check", "type": "check"},
            {"id": "pause", "type": "safe.propose", "params": {"until": {"$ref": "until"}}},
        ],
        "references": [
            {"id": "until", "type": "uint256", "rule": "step:check.answer", "bounds": {"maximum": "1000"}},
        ],
        **changes,
    }
    scope = open_scope(kind="incident", title="a drill", actor="user:1")
    return create_plan(document=document, scope=scope, actor="user:1")


def test_a_stored_plan_has_its_hash_and_its_event() -> None:
    plan = make()
    assert intact(plan)
    assert plan.parsed().canonical().decode() == plan.document
    event = Event.objects.get(verb="plan.created")
    assert (event.subject, event.after["sha256"]) == (plan.subject, plan.sha256)


def test_the_database_refuses_to_change_or_delete_a_plan() -> None:
    plan = make()
    record_value(plan=plan, reference="until", value="7", actor="step:1")
    for change in (
        lambda: Plan.objects.filter(pk=plan.pk).update(document="{}"),
        lambda: Plan.objects.filter(pk=plan.pk)._raw_delete("default"),
        lambda: plan.values.update(value="8"),
    ):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            change()
    plan.refresh_from_db()
    assert intact(plan)


def test_a_bad_document_names_the_place() -> None:
    with pytest.raises(Invalid) as caught:
        make(environment="prod")
    assert caught.value.field == "environment"
    with pytest.raises(Invalid) as caught:
        make(inputs={"a": 1.5})
    assert caught.value.field == "$.inputs.a"
    assert not Plan.objects.exists()


def test_a_value_is_recorded_once_within_its_bounds() -> None:
    plan = make()
    before = values_hash(plan)
    with pytest.raises(Refused, match="not known yet"):
        resolved_params(plan, "pause")
    with pytest.raises(Refused, match="above the plan's maximum"):
        record_value(plan=plan, reference="until", value="1001", actor="step:1")
    record_value(plan=plan, reference="until", value="7", actor="step:1")
    record_value(plan=plan, reference="until", value="7", actor="step:1")
    with pytest.raises(Refused, match="cannot become 8"):
        record_value(plan=plan, reference="until", value="8", actor="step:1")
    with pytest.raises(Invalid, match="no reference"):
        record_value(plan=plan, reference="other", value="8", actor="step:1")
    assert resolved_params(plan, "pause") == {"until": "7"}
    assert values_hash(plan) != before
    assert Event.objects.filter(verb="plan.value.recorded").count() == 1
