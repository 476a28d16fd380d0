"""Reads of evidence; the bytes themselves only where they are served."""

from typing import Any

from runbooks.evidence.models import Evidence, EvidenceQuerySet


def visible_evidence(viewer: Any) -> EvidenceQuerySet:
    found: EvidenceQuerySet = Evidence.objects.visible_to(viewer).select_related("step").defer("content")
    return found
