"""All tables of the room, one module a noun."""

from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.runs.models import Run, StepRun

__all__ = ["Playbook", "PlaybookVersion", "Run", "StepRun"]
