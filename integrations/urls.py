"""Pages of this room."""

from django.urls import include, path

from integrations.chain import views as chain
from integrations.devnet import interface
from integrations.devnet.mail import views as mail
from integrations.secrets import views as secrets

app_name = "integrations"
urlpatterns = [
    path("chain/executors/", chain.executors, name="executors"),
    path("chain/executors/<int:pk>/", chain.executor, name="executor"),
    path("chain/executors/<int:pk>/account/", chain.executor_account, name="executor-account"),
    path("chain/executors/<int:pk>/in-flight/", chain.executor_in_flight, name="executor-in-flight"),
    path("chain/executors/<int:pk>/accept-use/", chain.accept_use, name="accept-use"),
    path("chain/executors/<int:pk>/fill-gap/", chain.fill_gap, name="fill-gap"),
    path("chain/executors/<int:pk>/numbers/", chain.executor_numbers, name="executor-numbers"),
    path("chain/executors/<int:pk>/transactions/", chain.executor_transactions, name="executor-transactions"),
    path("chain/transactions/<int:pk>/", chain.transaction, name="transaction"),
    path("chain/transactions/<int:pk>/state/", chain.transaction_state, name="transaction-state"),
    path("chain/transactions/<int:pk>/resolve/", chain.resolve, name="resolve-transaction"),
    path("chain/transactions/<int:pk>/cancel/", chain.cancel, name="cancel-transaction"),
    path("secrets/", secrets.secrets, name="secrets"),
    path("secrets/set/", secrets.set_secret, name="set-secret"),
    path("secrets/<slug:name>/remove/", secrets.remove_secret, name="remove-secret"),
    path("devnet/interface/", interface.interface, name="interface"),
    path("devnet/mail/", mail.mailbox, name="mailbox"),
    path("devnet/mail/<slug:name>/", mail.read, name="mail"),
    path("", include("integrations.devnet.wallet.urls")),
]
