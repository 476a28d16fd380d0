"""Pages of the room, and what programs ask of it in another service's place."""

from django.urls import include, path

from governance import views
from governance.exchange import views as exchange
from governance.plans import views as plans
from governance.proposals import offline
from governance.proposals import propose_views as proposing
from governance.proposals import signing_views as signing
from governance.proposals import views as proposals
from governance.protocols import views as protocols
from governance.safes import views as safes
from governance.waivers import views as waivers

app_name = "governance"
PROGRAMS = [
    path("safe-tx-service/<slug:chain>/", include("governance.txservice.urls")),
    path("safe-tx-service/", include("governance.txservice.urls")),
]
urlpatterns = [
    path("governance/", views.index, name="index"),
    path("governance/proposals/", proposals.index, name="proposals"),
    path("governance/proposals/new/", proposing.new, name="propose"),
    path("governance/proposals/new/call/", proposing.call_fields, name="propose-call"),
    path("governance/proposals/new/file/", proposing.from_file, name="propose-file"),
    path("governance/proposals/<int:pk>/", proposals.proposal_page, name="proposal"),
    path("governance/tools/<str:name>", offline.tool, name="tool"),
    path("governance/proposals/<int:pk>/bundle.json", proposals.export, name="bundle"),
    path("governance/proposals/<int:pk>/sign/", proposals.sign, name="sign"),
    path("governance/proposals/<int:pk>/withdraw/", proposals.withdraw_view, name="withdraw"),
    path("governance/proposals/<int:pk>/waive/", waivers.waive_view, name="waive"),
    path("governance/proposals/<int:pk>/reject/", proposals.reject_view, name="reject"),
    path("governance/proposals/<int:pk>/remind/", proposals.remind_view, name="remind"),
    path("governance/proposals/<int:pk>/execute/", proposals.execute_view, name="execute"),
    path("governance/proposals/<int:pk>/approval/<int:safe>/", signing.approve_view, name="approve-for"),
    path("sign/<str:token>/", signing.sign_link, name="sign-link"),
    path("governance/safes/", safes.index, name="safes"),
    path("governance/safes/new/", safes.new, name="register-safe"),
    path("governance/safes/<int:pk>/", safes.safe_page, name="safe"),
    path("governance/safes/<int:pk>/refresh/", safes.refresh_view, name="refresh-safe"),
    path("governance/safes/<int:pk>/queue/", safes.queue_part, name="safe-queue"),
    path("governance/safes/<int:pk>/use-up/", proposals.use_up_view, name="use-up"),
    path("governance/safes/<int:pk>/protocol/", safes.assign_view, name="assign-safe"),
    path("governance/safes/<int:pk>/sharing/", exchange.set_sharing, name="safe-sharing"),
    path("governance/safe-services/", exchange.index, name="safe-services"),
    path("governance/safe-services/set/", exchange.set_service, name="set-safe-service"),
    path("governance/safe-services/<int:pk>/remove/", exchange.remove_service, name="remove-safe-service"),
    path("governance/protocols/new/", protocols.new_protocol, name="add-protocol"),
    path("governance/protocols/<slug:slug>/", protocols.protocol_page, name="protocol"),
    path("governance/protocols/<slug:slug>/allow/", protocols.allow, name="allow"),
    path("governance/protocols/<slug:slug>/contracts/new/", protocols.new_contract, name="register-contract"),
    path("governance/allowed/<int:pk>/remove/", protocols.disallow, name="disallow"),
    path("governance/contracts/<int:pk>/", protocols.contract_page, name="contract"),
    path("governance/contracts/<int:pk>/change/", protocols.change_contract, name="change-contract"),
    path("governance/contracts/<int:pk>/remove/", protocols.remove_contract, name="remove-contract"),
    path("governance/plans/", plans.index, name="plans"),
    path("governance/plans/<int:pk>/", plans.plan_page, name="plan"),
    path("governance/plans/<int:pk>/plan.json", plans.export, name="plan-document"),
    path("governance/plans/<int:pk>/diff/<int:other>/", plans.diff_page, name="plan-diff"),
]
