"""Pages of the room."""

from django.urls import path

from runbooks.evidence import views as evidence
from runbooks.playbooks import editor
from runbooks.playbooks import views as playbooks
from runbooks.rehearsals import views as rehearsals
from runbooks.runs import views as runs

app_name = "runbooks"
urlpatterns = [
    path("runbooks/", playbooks.index, name="index"),
    path("runbooks/playbooks/<slug:slug>/", playbooks.playbook_page, name="playbook"),
    path("runbooks/new/", editor.new, name="new-playbook"),
    path("runbooks/check/", editor.check, name="check-playbook"),
    path("runbooks/playbooks/<slug:slug>/edit/", editor.edit, name="edit-playbook"),
    path("runbooks/playbooks/<slug:slug>/diff/", editor.diff, name="diff-playbook"),
    path("runbooks/playbooks/<slug:slug>/archive/", editor.archive, name="archive-playbook"),
    path("runbooks/playbooks/<slug:slug>/unarchive/", editor.unarchive, name="unarchive-playbook"),
    path("runbooks/playbooks/<slug:slug>/versions/<int:number>/", playbooks.playbook_page, name="playbook-version"),
    path("runbooks/playbooks/<slug:slug>/versions/<int:number>/yaml/", playbooks.yaml_file, name="playbook-yaml"),
    path("runbooks/playbooks/<slug:slug>/versions/<int:number>/cacao/", playbooks.cacao_file, name="playbook-cacao"),
    path("runbooks/playbooks/<slug:slug>/start/", playbooks.start, name="start"),
    path("runbooks/evidence/<int:pk>/", evidence.download, name="evidence"),
    path("runbooks/runs/<int:pk>/", runs.run_page, name="run"),
    path("runbooks/runs/<int:pk>/abort/", runs.abort, name="abort"),
    path("runbooks/runs/<int:pk>/rehearse/", rehearsals.ask, name="rehearse"),
    path("runbooks/rehearsals/<int:pk>/", rehearsals.rehearsal_page, name="rehearsal"),
    path("runbooks/rehearsals/<int:pk>/report.json", rehearsals.report, name="rehearsal-report"),
    path("runbooks/runs/<int:pk>/begin/", runs.begin_run, name="begin"),
    path("runbooks/runs/<int:pk>/roll-back/", runs.back, name="roll-back"),
    path("runbooks/questions/<int:pk>/", runs.question, name="question"),
    path("runbooks/steps/<int:pk>/complete/", runs.complete, name="complete"),
    path("runbooks/steps/<int:pk>/retry/", runs.retry, name="retry"),
    path("runbooks/steps/<int:pk>/skip/", runs.skip, name="skip"),
]
