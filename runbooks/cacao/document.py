"""A stored version as a CACAO v2.0 playbook."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from governance.protocols.models import FailureMode
from runbooks.cacao import extension
from runbooks.cacao.ids import EXTENSION, Ids
from runbooks.cacao.variables import Variables
from runbooks.cacao.workflow import Workflow
from runbooks.playbooks.durations import spell
from runbooks.playbooks.models import PlaybookVersion
from runbooks.playbooks.schema import Playbook
from runbooks.playbooks.selectors import document_of
from runbooks.playbooks.shape import Flow, flow_of
from runbooks.steps import STEPS

MAY_CHANGE_A_LOT, TOUCHES_OTHERS, ONLY_LOOKS = 70, 30, 5


def cacao_bytes(version: PlaybookVersion) -> bytes:
    """Sorted, indented, in UTF-8: the same version gives the same bytes."""
    return (json.dumps(cacao_of(version), ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def cacao_of(version: PlaybookVersion) -> dict[str, Any]:
    document = document_of(version)
    ids, slug = Ids(settings.PUBLIC_URL), version.playbook.slug
    flow = flow_of(document)
    variables = Variables(document, {node.id: node.step for node in flow.walk()})
    workflow = Workflow(ids, slug, flow, variables)
    first = version.playbook.versions.order_by("number")[0]
    author = ids.identity(first.created_by)
    found: dict[str, Any] = {
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": ids.playbook(slug),
        "name": document.title,
        "description": document.summary.strip(),
        "created_by": author,
        "created": _time(first.created_at),
        "modified": _time(version.created_at),
        "revoked": version.playbook.archived,
        "playbook_processing_summary": _summary(flow, workflow),
        "impact": _impact(flow),
        "external_references": [_reference(version)],
        "playbook_variables": variables.definitions(),
        "workflow_start": workflow.start,
        "workflow_exception": workflow.failed,
        "workflow": workflow.steps,
        "playbook_extensions": {EXTENSION: _about(version, document)},
        "extension_definitions": {EXTENSION: _definition(author)},
        "agent_definitions": workflow.agents,
        "target_definitions": workflow.targets,
        "labels": list(document.when),
        "severity": _severity(document.when),
        **_kinds(workflow),
    }
    return {name: value for name, value in found.items() if value not in ({}, [], None)}


def _time(moment: datetime) -> str:
    """To the millisecond, exactly three digits."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _kinds(workflow: Workflow) -> dict[str, Any]:
    """Which operational roles it has; the standard wants each activity reflected in a step's command."""
    acts = {"configure-systems", "execute-operation"} & workflow.activities
    kinds = ["mitigation"] if acts else ["investigation"] if workflow.activities else []
    if "deliver-content" in workflow.activities:
        kinds.append("notification")
    return {"playbook_types": sorted(kinds), "playbook_activities": sorted(workflow.activities)}


def _summary(flow: Flow, workflow: Workflow) -> dict[str, bool]:
    kinds = {step["type"] for step in workflow.steps.values()}
    return {
        "manual_playbook": all(STEPS[node.type].person for node in flow.walk()),
        "external_playbooks": "playbook-action" in kinds,
        "parallel_processing": "parallel" in kinds,
        "if_logic": "if-condition" in kinds,
        "while_logic": False,
        "switch_logic": "switch-condition" in kinds,
        "temporal_logic": True,
        "data_markings": False,
        "digital_signatures": False,
        "countersigned_signatures": False,
        "extensions": True,
    }


def _impact(flow: Flow) -> int:
    """How much running it may change, 0 to 100: transactions most, other machines and people some, looking little."""
    types = {node.type for node in flow.walk()}
    if types & {"safe", "send", "timelock", "playbook"}:
        return MAY_CHANGE_A_LOT
    return TOUCHES_OTHERS if types & {"http", "notify"} else ONLY_LOOKS


def _severity(when: Iterable[str]) -> int | None:
    """How grave what it answers is, by the risk register: five times twenty; None where the register knows nothing."""
    impacts = FailureMode.objects.filter(slug__in=list(when)).values_list("impact", flat=True)
    return max((impact * 20 for impact in impacts), default=None)


def _reference(version: PlaybookVersion) -> dict[str, str]:
    path = reverse("runbooks:playbook-version", args=[version.playbook.slug, version.number])
    return {
        "name": "Breakglass playbook",
        "description": f"Version {version.number} of {version.playbook.slug}; the id is the sha256 of its YAML",
        "url": settings.PUBLIC_URL + path,
        "external_id": version.sha256,
    }


def _about(version: PlaybookVersion, document: Playbook) -> dict[str, Any]:
    targets = {name: spell(value) for name, value in document.targets if value is not None}
    found: dict[str, Any] = {
        "playbook": version.playbook.slug,
        "version": version.number,
        "sha256": version.sha256,
        "when": list(document.when),
        "impact": document.impact.strip(),
        "targets": targets,
        "approval": document.approval.model_dump(mode="json") if document.approval else None,
        "inputs": {name: spec.model_dump(mode="json", exclude_defaults=True) for name, spec in document.inputs.items()},
    }
    return {name: value for name, value in found.items() if value not in ({}, [], None, "")}


def _definition(author: str) -> dict[str, str]:
    return {
        "type": "extension-definition",
        "name": extension.NAME,
        "description": extension.DESCRIPTION,
        "created_by": author,
        "schema": settings.PUBLIC_URL + extension.PATH,
        "version": extension.VERSION,
    }
