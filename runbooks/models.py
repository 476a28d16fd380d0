"""All tables of the room, one module a noun."""

from runbooks.evidence.models import Evidence
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.rehearsals.models import Rehearsal
from runbooks.runs.models import Lock, Run, StepRun

__all__ = ["Evidence", "Lock", "Playbook", "PlaybookVersion", "Rehearsal", "Run", "StepRun"]
