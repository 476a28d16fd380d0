"""Storing a plan, and binding the values that become known."""

from typing import Any

from django.db import IntegrityError, transaction
from pydantic import ValidationError

from governance.plans.canonical import NotCanonical, canonical_bytes, hash_of
from governance.plans.models import Plan, PlanValue
from governance.plans.schema import Document, check_value, resolve
from ledger import Invalid, Refused, record
from ledger.models import Scope


def create_plan(*, document: Document | dict[str, Any], scope: Scope, actor: str) -> Plan:
    """Store a document. The same document twice is two plans with one hash: each is carried out once."""
    parsed = read_document(document)
    data = parsed.canonical()
    with transaction.atomic():
        plan = Plan.objects.create(
            scope=scope,
            sha256=hash_of(data),
            kind=parsed.kind,
            environment=parsed.environment,
            document=data.decode(),
            created_by=actor,
        )
        record(
            "plan.created",
            actor=actor,
            scope=scope,
            subject=plan.subject,
            after={"sha256": plan.sha256, "kind": plan.kind, "environment": plan.environment},
        )
    return plan


def read_document(document: Document | dict[str, Any]) -> Document:
    """A valid document with canonical bytes, or Invalid with the place that is wrong."""
    try:
        parsed = document if isinstance(document, Document) else Document.model_validate(document)
        parsed.canonical()
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"]) or "document"
        raise Invalid(path, first["msg"], "see the plan document's schema") from None
    except NotCanonical as error:
        raise Invalid(error.path, error.message, "text, whole numbers below 2^53, or decimal strings") from None
    return parsed


def record_value(*, plan: Plan, reference: str, value: Any, actor: str) -> PlanValue:
    """Bind a reference, once. The same value again changes nothing; another one is refused."""
    found = next((item for item in plan.parsed().references if item.id == reference), None)
    if found is None:
        raise Invalid("reference", f"The plan has no reference {reference}.", "one that its document names")
    try:
        checked = check_value(found, value)
    except ValueError as error:
        raise Refused(
            f"The value of {reference} is outside what was approved: {error}.", "make a new plan", "out-of-bounds"
        ) from None
    try:
        with transaction.atomic():
            row = PlanValue.objects.create(plan=plan, reference=reference, value=checked, recorded_by=actor)
            record(
                "plan.value.recorded",
                actor=actor,
                scope=plan.scope,
                subject=plan.subject,
                after={"reference": reference, "value": checked, "values_sha256": values_hash(plan)},
            )
    except IntegrityError:
        row = PlanValue.objects.get(plan=plan, reference=reference)
        if row.value != checked:
            raise Refused(
                f"{reference} is recorded as {row.value}; it cannot become {checked}.", "make a new plan", "value-fixed"
            ) from None
    return row


def known_values(plan: Plan) -> dict[str, Any]:
    return {row.reference: row.value for row in plan.values.all()}


def values_hash(plan: Plan) -> str:
    """What is approved once values are known: the plan and every value recorded until now."""
    return hash_of(canonical_bytes({"plan": plan.sha256, "values": known_values(plan)}))


def resolved_params(plan: Plan, step_id: str) -> dict[str, Any]:
    """A step's params with the recorded values in place; Refused while one is not known."""
    parsed = plan.parsed()
    step = parsed.step(step_id)
    if step is None:
        raise Invalid("step_id", f"The plan has no step {step_id}.", "a step that its document names")
    try:
        resolved = resolve(step.params, known_values(plan) if parsed.references else {})
    except KeyError as error:
        raise Refused(f"The value of {error.args[0]} is not known yet.", "wait for its step", "value-unknown") from None
    except Invalid as error:
        raise Refused(f"A call cannot be encoded: {error.message}", "make a new plan", "value-unfit") from None
    return dict(resolved)


def intact(plan: Plan) -> bool:
    """Whether the stored text still has the stored hash."""
    return hash_of(plan.document.encode()) == plan.sha256
