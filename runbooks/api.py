"""This room's resources."""

from runbooks.evidence.api import EvidenceViewSet
from runbooks.playbooks.api import PlaybookViewSet
from runbooks.rehearsals.api import RehearsalViewSet
from runbooks.runs.api import RunViewSet

API = [
    ("playbooks", PlaybookViewSet, "playbook"),
    ("runs", RunViewSet, "run"),
    ("evidence", EvidenceViewSet, "evidence"),
    ("rehearsals", RehearsalViewSet, "rehearsal"),
]
