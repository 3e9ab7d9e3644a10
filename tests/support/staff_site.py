"""What the tests of the staff site share: all our lists, and something in each of them."""

import csv
import io
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib import admin as django_admin
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User
from catalog import services as shop
from catalog.models import Purchase
from payments.api_keys.services import add_key
from payments.deliveries import services as deliveries
from payments.exchange import services as exchange
from payments.models import Wallet
from payments.orders import services as orders
from staff.history import record
from tests.support import recipes
from tests.support.notices import ALICES, NOBODY, credit, refused_notice
from tests.support.purchases import a_product, bought

#: Every list of the staff site, by its model.
MODEL_ADMINS = {
    model: django_admin.site.get_model_admin(model)
    for model in apps.get_models()
    if django_admin.site.is_registered(model)
}
OURS = {
    model: model_admin
    for model, model_admin in MODEL_ADMINS.items()
    if model._meta.app_label in ("accounts", "payments", "catalog", "admin")
}


def every_object(alice: User, admin: User) -> dict[type, Any]:
    """Let something of everything happen; return the newest object of each kind."""
    credit(alice, ALICES, "1000", external_id="7001")
    refused_notice(user_id=NOBODY, account=303, external_id="7003")
    purchase = Purchase.objects.get(pk=bought(alice, a_product(title="=1+1"), Wallet.objects.get(pk=ALICES))["id"])
    shop.refund(purchase_id=purchase.pk, by=admin, reason="-broken")
    record(about=alice, staff=admin, text="Looked into it.")
    pending_objects(alice, admin)
    call_command("check_ledger")
    return {model: model._default_manager.order_by("-pk").first() for model in OURS}


def pending_objects(alice: User, admin: User) -> None:
    """Of the wallet service what books nothing: orders that wait, and what they and exchanges go by."""
    recipes.commission_rule.make(percent=Decimal("1.5"))
    orders.request_deposit(user_id=alice.pk, wallet_id=ALICES, amount=Decimal(50))
    orders.request_withdrawal(
        user_id=alice.pk,
        wallet_id=ALICES,
        external_wallet_id=recipes.bank_account.make(owner=alice).pk,
        amount=Decimal(10),
    )
    recipes.exchange_rate.make()
    exchange.quote(user_id=alice.pk, source="USD", target="EUR", amount=Decimal(10))
    service = recipes.service.make()
    recipes.settlement_scope.make(service=service, everything=False, currency_id="USD")
    add_key(user_id=service.pk, name="A key", scopes=["deposits:read"], staff=admin)
    endpoint = deliveries.add_endpoint(url="https://example.com/hook", staff=admin)
    deliveries.send_test(endpoint_id=endpoint.pk, staff=admin)


def url(model: Any, page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def named(model: Any) -> str:
    return str(model._meta.label_lower)


def body_of(answer: Any) -> bytes:
    body: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body


def exported(site: Client, model: Any, **query: str) -> list[dict[str, str]]:
    answer = site.get(url(model, "export"), query)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.streaming
    assert "attachment" in answer["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(body_of(answer).decode("utf-8-sig"))))
