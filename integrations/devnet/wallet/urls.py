"""The devnet wallet's addresses."""

from django.urls import path

from integrations.devnet.wallet import views

urlpatterns = [
    path("devnet/wallet.js", views.module, name="devnet-wallet"),
    path("devnet/wallet/<str:name>", views.module, name="devnet-wallet-file"),
    path("devnet/rpc", views.rpc, name="devnet-rpc"),
]
