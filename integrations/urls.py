"""Pages of this room."""

from django.urls import include, path

from integrations.chain import views as chain
from integrations.devnet.mail import views as mail

app_name = "integrations"
urlpatterns = [
    path("chain/executors/", chain.executors, name="executors"),
    path("chain/executors/<int:pk>/numbers/", chain.executor_numbers, name="executor-numbers"),
    path("chain/executors/<int:pk>/transactions/", chain.executor_transactions, name="executor-transactions"),
    path("chain/transactions/<int:pk>/", chain.transaction, name="transaction"),
    path("chain/transactions/<int:pk>/state/", chain.transaction_state, name="transaction-state"),
    path("chain/transactions/<int:pk>/resolve/", chain.resolve, name="resolve-transaction"),
    path("chain/transactions/<int:pk>/cancel/", chain.cancel, name="cancel-transaction"),
    path("devnet/mail/", mail.mailbox, name="mailbox"),
    path("devnet/mail/<slug:name>/", mail.read, name="mail"),
    path("", include("integrations.devnet.wallet.urls")),
]
