"""This room's resources."""

from incidents.alerts.api import AlertViewSet
from incidents.inbound.api import InboundKeyViewSet, InboundViewSet
from incidents.incidents.api import IncidentViewSet
from incidents.watch.api import MonitorViewSet
from incidents.windows.api import WindowViewSet

API = [
    ("incidents", IncidentViewSet, "incident"),
    ("alerts", AlertViewSet, "alert"),
    ("monitors", MonitorViewSet, "monitor"),
    ("windows", WindowViewSet, "window"),
    ("inbound", InboundViewSet, "inbound"),
    ("inbound-keys", InboundKeyViewSet, "inbound-key"),
]
