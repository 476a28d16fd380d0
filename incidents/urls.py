"""Pages of the room, and the front page."""

from django.urls import path

from incidents import desk, status
from incidents.inbound import views as inbound
from incidents.inbound.pagerduty import EnqueueView
from incidents.incidents import views as incidents
from incidents.watch import views as watch
from incidents.windows import views as windows

app_name = "incidents"
urlpatterns = [
    path("", desk.front_page, name="front"),
    path("desk/", desk.desk_part, name="desk"),
    path("status/", status.status_page, name="status"),
    path("v2/enqueue", EnqueueView.as_view(), name="enqueue"),  # PagerDuty's own address
    path("incidents/", incidents.index, name="index"),
    path("incidents/open/", incidents.open_page, name="open"),
    path("incidents/windows/", windows.windows, name="windows"),
    path("incidents/windows/<int:pk>/end/", windows.end, name="window-end"),
    path("incidents/monitors/", watch.monitors_page, name="monitors"),
    path("incidents/inbound/", inbound.keys, name="inbound"),
    path("incidents/inbound/<int:pk>/", inbound.key, name="inbound-key"),
    path("incidents/inbound/<int:pk>/rotate/", inbound.rotate, name="inbound-rotate"),
    path("incidents/inbound/<int:pk>/switch/", inbound.switch, name="inbound-switch"),
    path("incidents/inbound/<int:pk>/try/", inbound.try_out, name="inbound-try"),
    path("incidents/<int:pk>/", incidents.incident_page, name="incident"),
    path("incidents/of/<int:scope>/", incidents.of_scope, name="of-scope"),
    path("incidents/<int:pk>/take/", incidents.take, name="take"),
    path("incidents/<int:pk>/severity/", incidents.severity, name="severity"),
    path("incidents/<int:pk>/say/", incidents.say, name="say"),
    path("incidents/<int:pk>/move/", incidents.move, name="move"),
    path("incidents/<int:pk>/privacy/", incidents.privacy, name="privacy"),
    path("incidents/<int:pk>/start/<slug:slug>/", incidents.start, name="start"),
]
