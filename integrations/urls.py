"""Pages of this room."""

from django.urls import include, path

from integrations.devnet.mail import views as mail

app_name = "integrations"
urlpatterns = [
    path("devnet/mail/", mail.mailbox, name="mailbox"),
    path("devnet/mail/<slug:name>/", mail.read, name="mail"),
    path("", include("integrations.devnet.wallet.urls")),
]
