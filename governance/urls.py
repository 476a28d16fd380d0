"""Pages of the room."""

from django.urls import include, path

from governance import views
from governance.plans import views as plans
from governance.proposals import views as proposals
from governance.protocols import views as protocols
from governance.safes import views as safes

app_name = "governance"
urlpatterns = [
    path("safe-tx-service/", include("governance.txservice.urls")),
    path("safe-tx-service/<slug:chain>/", include("governance.txservice.urls")),
    path("governance/", views.index, name="index"),
    path("governance/proposals/", proposals.index, name="proposals"),
    path("governance/proposals/new/", proposals.new, name="propose"),
    path("governance/proposals/<int:pk>/", proposals.proposal_page, name="proposal"),
    path("governance/proposals/<int:pk>/bundle.json", proposals.export, name="bundle"),
    path("governance/proposals/<int:pk>/sign/", proposals.sign, name="sign"),
    path("governance/proposals/<int:pk>/withdraw/", proposals.withdraw_view, name="withdraw"),
    path("governance/proposals/<int:pk>/reject/", proposals.reject_view, name="reject"),
    path("governance/proposals/<int:pk>/execute/", proposals.execute_view, name="execute"),
    path("governance/safes/", safes.index, name="safes"),
    path("governance/safes/new/", safes.new, name="register-safe"),
    path("governance/safes/<int:pk>/", safes.safe_page, name="safe"),
    path("governance/safes/<int:pk>/refresh/", safes.refresh_view, name="refresh-safe"),
    path("governance/protocols/<slug:slug>/", protocols.protocol_page, name="protocol"),
    path("governance/plans/", plans.index, name="plans"),
    path("governance/plans/<int:pk>/", plans.plan_page, name="plan"),
    path("governance/plans/<int:pk>/plan.json", plans.export, name="plan-document"),
    path("governance/plans/<int:pk>/diff/<int:other>/", plans.diff_page, name="plan-diff"),
]
