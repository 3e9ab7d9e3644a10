"""/admin: two clicks on *Add … Save* at the same moment: the second finds its own form's error, or did no harm."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.test import Client, RequestFactory

from accounts.key_scopes import Scope
from accounts.models import ApiKey, User
from catalog.models import Product
from payments.api_keys.services import add_key
from payments.commission.rules import make_rule
from payments.deliveries.services import add_endpoint
from payments.exchange.services import set_rate
from payments.ledger.services.currencies import new_currency
from payments.models import CommissionRule, Currency, EventEndpoint, ExchangeRate, Provider, SettlementScope
from payments.orders.services import add_scope
from payments.webhooks.services import add_provider
from tests.support import recipes
from tests.support.admin_pages import staff_client
from tests.support.purchases import a_product
from tests.support.staff_site import MODEL_ADMINS, url
from tests.support.threads import closing_connection
from tests.support.waiting import someone_waits_for_a_lock, wait_until

SECRET = "a-secret-that-nobody-else-knows-2026"
PASSWORD = {"password1": "battery staple 43", "password2": "battery staple 43"}

#: What the first click has done, not yet committed, and what the second one sends.
CLICKS: dict[type[models.Model], tuple[Callable[[User], Any], dict[str, Any]]] = {
    User: (
        lambda _: recipes.user.make(email="dave@example.com"),
        {"email": "dave@example.com", "role": "user", **PASSWORD},
    ),
    Currency: (
        lambda staff: new_currency(code="SEK", name="Krona", decimal_places=2, staff=staff),
        {"code": "SEK", "name": "Krona", "decimal_places": "2"},
    ),
    Provider: (
        lambda staff: add_provider(provider=recipes.provider.prepare(slug="acme", secret=SECRET), staff=staff),
        {"slug": "acme", "scheme": "sha1_colon", "currency": "USD", "is_active": "on", "secret": SECRET},
    ),
    Product: (lambda _: a_product(title="Ink"), {"title": "Ink", "price": "7.50", "currency": "USD"}),
    ExchangeRate: (
        lambda staff: set_rate(source="USD", target="EUR", rate=Decimal("0.9"), staff=staff),
        {"source_currency": "USD", "target_currency": "EUR", "rate": "0.9", "origin": "staff"},
    ),
    CommissionRule: (
        lambda staff: make_rule(operation="deposit", currency="USD", percent=Decimal(1), staff=staff),
        {"operation": "deposit", "currency": "USD", "percent": "1"},
    ),
    SettlementScope: (
        lambda staff: add_scope(service_id=a_service().pk, currency="USD", staff=staff),
        {"currency": "USD"},
    ),
    EventEndpoint: (
        lambda staff: add_endpoint(url="https://example.com/hook", staff=staff),
        {"url": "https://example.com/hook"},
    ),
    ApiKey: (
        lambda staff: add_key(user_id=a_service().pk, name="A key", scopes=[Scope.ME_READ], staff=staff),
        {"name": "A key", "scopes": "me:read"},
    ),
}
REFUSED = (User, Currency, Provider, CommissionRule)
#: The second click adds another, and its answer shows that one's secret.
ADDED = (EventEndpoint, ApiKey)


def a_service() -> User:
    return User.objects.get(email="service@example.com")


@pytest.fixture
def site(committed_db: None, admin: Any, service: Any) -> Iterator[Client]:
    yield staff_client(admin)
    with connection.cursor() as cursor:  # what the tests of others do not know
        cursor.execute("ALTER TABLE payments_wallet DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM payments_wallet WHERE currency_id = 'SEK'")
        cursor.execute("ALTER TABLE payments_wallet ENABLE TRIGGER USER")
        cursor.execute("DELETE FROM payments_currency WHERE code = 'SEK'")
        cursor.execute("DELETE FROM payments_provider WHERE slug = 'acme'")


def test_every_page_that_adds_is_clicked_here(admin: Any) -> None:
    request = RequestFactory().get("/admin/")
    request.user = admin
    adding = {model for model, site in MODEL_ADMINS.items() if site.has_add_permission(request)}
    assert adding == set(CLICKS)


@pytest.mark.parametrize("model", CLICKS, ids=lambda model: model.__name__)
def test_the_second_click_is_answered_by_the_form(site: Client, admin: Any, service: Any, model: Any) -> None:
    first, sent = CLICKS[model]
    page = url(model, "add")
    sent = sent | {SettlementScope: {"service": service.pk}, ApiKey: {"user": service.pk}}.get(model, {})
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            first(admin)
            click = thread.submit(closing_connection, site.post, page, sent)
            wait_until(lambda: click.done() or someone_waits_for_a_lock())
        answer = click.result(30)
    assert "text/html" in answer["Content-Type"]
    assert answer.status_code == (200 if model in (*REFUSED, *ADDED) else 302), answer.content
    assert (b"<title>The new " in answer.content) == (model in ADDED)
    if model in REFUSED:
        assert answer.context["adminform"].form.errors
