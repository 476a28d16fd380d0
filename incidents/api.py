"""This room's resources."""

from incidents.addresses.api import BoardAddressViewSet
from incidents.alerts.api import AlertViewSet
from incidents.inbound.api import InboundKeyViewSet, InboundViewSet
from incidents.incidents.api import IncidentViewSet
from incidents.roles.api import RoleViewSet
from incidents.todo.api import TaskViewSet
from incidents.updates.api import UpdateViewSet
from incidents.watch.api import MonitorViewSet
from incidents.windows.api import WindowViewSet

API = [
    ("incidents", IncidentViewSet, "incident"),
    ("incidents/<int:incident>/roles", RoleViewSet, "incident-role"),
    ("incidents/<int:incident>/tasks", TaskViewSet, "incident-task"),
    ("incidents/<int:incident>/addresses", BoardAddressViewSet, "incident-address"),
    ("incidents/<int:incident>/updates", UpdateViewSet, "incident-update"),
    ("alerts", AlertViewSet, "alert"),
    ("monitors", MonitorViewSet, "monitor"),
    ("windows", WindowViewSet, "window"),
    ("inbound", InboundViewSet, "inbound"),
    ("inbound-keys", InboundKeyViewSet, "inbound-key"),
]
