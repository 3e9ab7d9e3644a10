"""The webhook, and what users ask, at Till's own addresses."""

from django.urls import path

from benchmarks.peers.hordak import user_views, views

urlpatterns = [
    path("payment/webhook", views.receive),
    path("api/v1/transfers", user_views.TransferView.as_view()),
    path("api/v1/wallets/<int:wallet>", user_views.WalletView.as_view()),
    path("api/v1/transactions", user_views.TransactionsView.as_view()),
    path("ready", views.ready),
]
