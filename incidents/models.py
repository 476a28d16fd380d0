"""All tables of the room, one module a noun."""

from incidents.alerts.models import Alert
from incidents.inbound.models import InboundKey, InboundPayload, SeenSignature
from incidents.incidents.models import Incident
from incidents.watch.models import Monitor, WatchedBlock, WatchLease
from incidents.windows.models import Window

__all__ = [
    "Alert",
    "InboundKey",
    "InboundPayload",
    "Incident",
    "Monitor",
    "SeenSignature",
    "WatchLease",
    "WatchedBlock",
    "Window",
]
