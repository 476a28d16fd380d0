"""This room's resources."""

from runbooks.playbooks.api import PlaybookViewSet
from runbooks.runs.api import RunViewSet

API = [("playbooks", PlaybookViewSet, "playbook"), ("runs", RunViewSet, "run")]
