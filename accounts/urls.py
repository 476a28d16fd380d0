"""This room's pages. allauth's own (login, passkeys, mail) stand beside them below /accounts/."""

from django.urls import path

from accounts import views
from accounts.approvals import views as approvals
from accounts.grants import views as grants
from accounts.invitations import views as invitations
from accounts.tokens import views as tokens
from accounts.wallets import views as wallets

app_name = "accounts"
urlpatterns = [
    path("accounts/me/", views.profile, name="profile"),
    path("accounts/people/", grants.people_page, name="people"),
    path("accounts/people/<int:pk>/", grants.person_page, name="person"),
    path("accounts/people/<int:pk>/grant/", grants.grant, name="grant"),
    path("accounts/people/<int:pk>/deactivate/", grants.activate, {"verb": "deactivate"}, name="deactivate"),
    path("accounts/people/<int:pk>/reactivate/", grants.activate, {"verb": "reactivate"}, name="reactivate"),
    path("accounts/grants/<int:pk>/confirm/", grants.decide_grant, {"verb": "confirm"}, name="grant-confirm"),
    path("accounts/grants/<int:pk>/decline/", grants.decide_grant, {"verb": "decline"}, name="grant-decline"),
    path("accounts/grants/<int:pk>/revoke/", grants.decide_grant, {"verb": "revoke"}, name="grant-revoke"),
    path("accounts/invite/", invitations.invite, name="invite"),
    path("accounts/invitations/<int:pk>/withdraw/", invitations.withdraw, name="invitation-withdraw"),
    path("accounts/invitation/<str:token>/", invitations.accept, name="invitation"),
    path("accounts/tokens/", tokens.tokens, name="tokens"),
    path("accounts/tokens/<int:pk>/revoke/", tokens.revoke, name="token-revoke"),
    path("accounts/wallets/", wallets.wallets, name="wallets"),
    path("accounts/wallets/message/", wallets.link_message, name="wallet-link-message"),
    path("accounts/wallets/link/", wallets.link_verify, name="wallet-link"),
    path("accounts/wallets/<int:pk>/unlink/", wallets.unlink, name="wallet-unlink"),
    path("accounts/wallet-login/message/", wallets.login_message, name="wallet-login-message"),
    path("accounts/wallet-login/", wallets.login_verify, name="wallet-login"),
    path("approvals/", approvals.approvals, name="approvals"),
    path("approvals/<int:pk>/", approvals.approval, name="approval"),
    path("approvals/<int:pk>/signing-data/", approvals.signing_data, name="approval-signing-data"),
    path("approvals/<int:pk>/give/", approvals.decide, {"verb": "give"}, name="approval-give"),
    path("approvals/<int:pk>/refuse/", approvals.decide, {"verb": "refuse"}, name="approval-refuse"),
    path("approvals/<int:pk>/take-back/", approvals.decide, {"verb": "take-back"}, name="approval-take-back"),
]
