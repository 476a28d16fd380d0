"""Pages of the room, and the front page."""

from django.urls import path

from incidents import desk
from incidents.commands import views as commands
from incidents.inbound import views as inbound
from incidents.inbound.pagerduty import EnqueueView
from incidents.incidents import views as incidents
from incidents.metrics import views as metrics
from incidents.postmortems import views as postmortems
from incidents.search import views as searching
from incidents.status import views as status
from incidents.telling import views as telling
from incidents.watch import views as watch
from incidents.windows import views as windows

app_name = "incidents"
urlpatterns = [
    path("", desk.front_page, name="front"),
    path("desk/", desk.desk_part, name="desk"),
    path("status/", status.status_page, name="status"),
    path("v2/enqueue", EnqueueView.as_view(), name="enqueue"),  # PagerDuty's own address
    path("status/status.json", status.status_json, name="status-json"),
    path("status/feed.atom", status.status_feed, name="status-feed"),
    path("incidents/status/", status.desk, name="status-desk"),
    path("incidents/status/state/", status.state_part, name="status-state"),
    path("incidents/status/shown/", status.show_part, name="status-show"),
    path("incidents/status/guidance/", status.set_guidance, name="status-guidance"),
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
    path("incidents/telling/", telling.choose, name="tell"),
    path("incidents/telling/correction/<int:pk>/", telling.correct, name="tell-correction"),
    path("incidents/telling/<slug:slug>/", telling.write, name="tell-write"),
    path("incidents/monitors/new/", watch.kinds_page, name="monitor-kinds"),
    path("incidents/monitors/new/<slug:kind>/", watch.new_page, name="new-monitor"),
    path("incidents/monitors/<slug:slug>/", watch.monitor_page, name="monitor"),
    path("incidents/monitors/<slug:slug>/edit/", watch.edit_page, name="edit-monitor"),
    path("incidents/monitors/<slug:slug>/mute/", watch.mute, name="mute-monitor"),
    path("incidents/monitors/<slug:slug>/switch/", watch.switch, name="switch-monitor"),
    path("incidents/monitors/<slug:slug>/try/", watch.try_it, name="try-monitor"),
    path("incidents/<int:pk>/", incidents.incident_page, name="incident"),
    path("incidents/of/<int:scope>/", incidents.of_scope, name="of-scope"),
    path("incidents/<int:pk>/take/", incidents.take, name="take"),
    path("incidents/<int:pk>/severity/", incidents.severity, name="severity"),
    path("incidents/metrics/", metrics.metrics_page, name="metrics"),
    path("incidents/search/", searching.search_page, name="search"),
    path("incidents/<int:pk>/command/", commands.command, name="command"),
    path("incidents/<int:pk>/complete/", commands.completion, name="complete"),
    path("incidents/<int:pk>/postmortem/", postmortems.postmortem_page, name="postmortem"),
    path("incidents/<int:pk>/postmortem/draft/", postmortems.begin, name="postmortem-draft"),
    path("incidents/<int:pk>/postmortem/items/", postmortems.add_item, name="postmortem-item"),
    path("incidents/<int:pk>/postmortem/<slug:section>/", postmortems.write, name="postmortem-write"),
    path("incidents/<int:pk>/postmortem.<str:form>", postmortems.exported, name="postmortem-export"),
    path("incidents/<int:pk>/timeline/", incidents.timeline, name="timeline"),
    path("incidents/<int:pk>/updates/<int:update>/", incidents.correct, name="correct"),
    path("incidents/<int:pk>/move/", incidents.move, name="move"),
    path("incidents/<int:pk>/privacy/", incidents.privacy, name="privacy"),
    path("incidents/<int:pk>/start/<slug:slug>/", incidents.start, name="start"),
]
