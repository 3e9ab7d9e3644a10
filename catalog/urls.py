"""Addresses of the shop, relative to /api/v1/."""

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from catalog.views.products import ProductViewSet
from catalog.views.purchases import PurchaseViewSet, RefundsView

router = SimpleRouter(trailing_slash=False)
router.register("products", ProductViewSet, basename="product")
router.register("purchases", PurchaseViewSet, basename="purchase")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("purchases/<int:purchase_id>/refunds", RefundsView.as_view(), name="refunds"),
]
