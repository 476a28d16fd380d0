"""All tables of the room, one module a noun."""

from incidents.addresses.models import BoardAddress
from incidents.alerts.models import Alert
from incidents.inbound.models import InboundKey, InboundPayload, SeenSignature
from incidents.incidents.models import Incident
from incidents.links.models import IncidentLink
from incidents.postmortems.models import Postmortem
from incidents.roles.models import Assignment
from incidents.status.models import Component, Guidance, Publication
from incidents.todo.models import Task
from incidents.updates.models import Update
from incidents.watch.models import Monitor, WatchedBlock, WatchLease
from incidents.windows.models import Window

__all__ = [
    "Alert",
    "Assignment",
    "BoardAddress",
    "Component",
    "Guidance",
    "InboundKey",
    "InboundPayload",
    "Incident",
    "IncidentLink",
    "Monitor",
    "Postmortem",
    "Publication",
    "SeenSignature",
    "Task",
    "Update",
    "WatchLease",
    "WatchedBlock",
    "Window",
]
