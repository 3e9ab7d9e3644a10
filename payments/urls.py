"""Addresses of money: `urlpatterns` under /api/v1, `fixed_urlpatterns` at the root."""

from django.urls import URLPattern, URLResolver, path, re_path
from rest_framework.routers import SimpleRouter

from payments.api_keys.views import ApiKeyViewSet
from payments.commission import views as commission
from payments.deliveries import views as deliveries
from payments.events import views as events
from payments.exchange import views as exchange
from payments.ledger.views import currencies, transactions, wallets
from payments.orders.views import external_wallets, orders
from payments.transfers import views as transfers
from payments.users import views as users
from payments.webhooks.addresses import FIXED_PATHS, PREFIX
from payments.webhooks.views import webhooks
from payments.webhooks.views.events import WebhookEventViewSet
from payments.webhooks.views.providers import ProviderViewSet

router = SimpleRouter(trailing_slash=False)
router.register("wallets", wallets.WalletViewSet, basename="wallet")
router.register("transactions", transactions.TransactionViewSet, basename="transaction")
router.register("currencies", currencies.CurrencyViewSet, basename="currency")
router.register("users", users.UserViewSet, basename="user")
router.register("api-keys", ApiKeyViewSet, basename="api-key")
router.register("deposits", orders.DepositViewSet, basename="deposit")
router.register("withdrawals", orders.WithdrawalViewSet, basename="withdrawal")
router.register("settlement-scopes", orders.ScopeViewSet, basename="settlement-scope")
router.register("external-wallets", external_wallets.ExternalWalletViewSet, basename="external-wallet")
router.register("commission-rules", commission.CommissionRuleViewSet, basename="commission-rule")
router.register("transfers", transfers.TransferViewSet, basename="transfer")
router.register("quotes", exchange.QuoteViewSet, basename="quote")
router.register("exchanges", exchange.ExchangeViewSet, basename="exchange")
router.register("events", events.EventViewSet, basename="event")
router.register("providers", ProviderViewSet, basename="provider")
router.register("webhook-events", WebhookEventViewSet, basename="webhook-event")
router.register("webhook-endpoints", deliveries.EventEndpointViewSet, basename="webhook-endpoint")

urlpatterns: list[URLPattern | URLResolver] = [
    path("users/me", users.MeView.as_view(), name="users-me"),
    *router.urls,
    path(
        "webhook-endpoints/<int:id>/deliveries",
        deliveries.EventDeliveryViewSet.as_view({"get": "list"}),
        name="webhook-endpoint-deliveries",
    ),
    path("rates", exchange.RatesView.as_view(), name="rates"),
    re_path(
        "^rates/(?P<source>[A-Z][A-Z0-9]{2,9})/(?P<target>[A-Z][A-Z0-9]{2,9})$",
        exchange.RateView.as_view(),
        name="rate",
    ),
    path(f"{PREFIX.removeprefix('/api/v1/')}<slug:provider>", webhooks.ProviderWebhookView.as_view(), name="webhook"),
]

fixed_urlpatterns: list[URLPattern | URLResolver] = [
    path(FIXED_PATHS["sha1_colon"][1:], webhooks.Sha1ColonWebhookView.as_view(), name="webhook-sha1-colon"),
    path(FIXED_PATHS["sha256_concat"][1:], webhooks.Sha256ConcatWebhookView.as_view(), name="webhook-sha256-concat"),
]
