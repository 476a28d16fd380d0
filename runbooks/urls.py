"""Pages of the room."""

from django.urls import path

from runbooks.playbooks import views as playbooks
from runbooks.runs import views as runs

app_name = "runbooks"
urlpatterns = [
    path("runbooks/", playbooks.index, name="index"),
    path("runbooks/playbooks/<slug:slug>/", playbooks.playbook_page, name="playbook"),
    path("runbooks/playbooks/<slug:slug>/start/", playbooks.start, name="start"),
    path("runbooks/runs/<int:pk>/", runs.run_page, name="run"),
    path("runbooks/runs/<int:pk>/abort/", runs.abort, name="abort"),
    path("runbooks/steps/<int:pk>/complete/", runs.complete, name="complete"),
    path("runbooks/steps/<int:pk>/retry/", runs.retry, name="retry"),
    path("runbooks/steps/<int:pk>/skip/", runs.skip, name="skip"),
]
