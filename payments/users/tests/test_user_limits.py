"""What one user may ask for: writes in a minute, look-ups by email, pending orders, quotes that are still good."""

import io
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.views import APIView

from accounts.throttling import WriteThrottle
from config import urls
from payments.ledger.services.wallets import open_wallet
from payments.models import Deposit, Exchange, Quote, Wallet
from payments.webhooks.views.webhooks import WebhookView
from tests.support import recipes
from tests.support.exchanges import new_quote, post_exchange, post_transfer, store_rate
from tests.support.exchanges import post_quote as ask_quote
from tests.support.ledger import wallet_with
from tests.support.orders import deposit, post_order, settle, withdraw
from tests.support.rest import new_key, outcomes, refused, signed_in, succeeded
from tests.support.threads import at_once

TRANSFERS = "/api/v1/transfers"
Rates = Callable[..., None]


@pytest.fixture
def wallet(alice: Any) -> Wallet:
    return wallet_with(alice, "USD", "1000")


@pytest.fixture
def rates(settings: Any) -> Rates:
    def set_rates(**wanted: str) -> None:
        known = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": known | wanted}

    return set_rates


def throttled(answer: Any) -> None:
    refused(answer, 429, "throttled")
    assert 1 <= int(answer["Retry-After"]) <= 60


# --- writes ---
def test_a_user_writes_so_often_in_a_minute(alice: Any, bob: Any, wallet: Wallet, rates: Rates) -> None:
    rates(writes="3/min")
    deposit(alice, wallet)
    refused(post_order(alice, "deposits", wallet, "-1"), 422, "invalid_amount")  # what is refused counts as well
    succeeded(signed_in(alice).post("/api/v1/wallets", {"currency": "EUR"}))
    throttled(post_order(alice, "deposits", wallet, "1"))
    throttled(signed_in(alice).patch("/api/v1/users/me", {"full_name": "Alice"}))
    assert signed_in(alice).get("/api/v1/deposits").status_code == 200
    succeeded(signed_in(bob).post("/api/v1/wallets", {"currency": "EUR"}))
    assert Deposit.objects.count() == 1


def test_services_and_admins_have_a_rate_of_their_own(
    alice: Any, admin: Any, service: Any, wallet: Wallet, rates: Rates
) -> None:
    rates(writes="1/min", service_writes="2/min")
    for _ in range(2):
        succeeded(signed_in(admin).patch("/api/v1/currencies/USD", {"name": "Dollar"}), 200)
        refused(settle(service, "deposits", 1), 404, "deposit_not_found")
    throttled(signed_in(admin).patch("/api/v1/currencies/USD", {"name": "Dollar"}))
    throttled(settle(service, "deposits", 1))


def view_classes(patterns: Any) -> set[Any]:
    classes = set()
    for pattern in patterns:
        inside = getattr(pattern, "url_patterns", None)
        if inside is not None:
            classes |= view_classes(inside)
        else:
            classes.add(getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None))
    return classes - {None}


def test_no_view_of_the_api_forgets_to_count_writes() -> None:
    """One that has other throttles counts by itself; a webhook is let in by its signature."""
    views = {view for view in view_classes(urls.api) if issubclass(view, APIView) and not issubclass(view, WebhookView)}
    counting = {view for view in views if any(issubclass(one, WriteThrottle) for one in view.throttle_classes)}
    others = {view.__name__ for view in views - counting if getattr(view, "throttle_scope", None)}
    assert len(counting) > 15
    assert others == {
        *("RegisterView", "ActivateView", "ResendActivationView", "LoginView", "RefreshView", "LogoutView"),
        *("PasswordView", "PasswordResetView", "PasswordResetLinkView", "EmailView", "EmailLinkView"),
    }
    assert {view for view in views - counting if not getattr(view, "throttle_scope", None)} == set()


# --- look-ups by email ---
def test_emails_are_looked_up_less_often_tried_or_not(alice: Any, bob: Any, wallet: Wallet, rates: Rates) -> None:
    """The count stays, though a dry run is rolled back."""
    rates(recipients="3/min")
    body = {"source": wallet.pk, "amount": "1"}
    for email, status in ((bob.email, 200), ("nobody@example.com", 404)):
        assert signed_in(alice).post(f"{TRANSFERS}?dry_run=true", body | {"recipient": email}).status_code == status
    succeeded(post_transfer(alice, wallet, "1", recipient=bob.email))
    throttled(signed_in(alice).post(f"{TRANSFERS}?dry_run=true", body | {"recipient": bob.email}))
    throttled(post_transfer(alice, wallet, "1", recipient="nobody@example.com"))
    succeeded(post_transfer(alice, wallet, "1", destination=open_wallet(owner_id=bob.pk, currency="USD").pk))


def test_names_are_not_harvested_by_walking_wallets(alice: Any, bob: Any, wallet: Wallet, rates: Rates) -> None:
    rates(recipients="2/min")
    bobs = open_wallet(owner_id=bob.pk, currency="USD")
    body = {"source": wallet.pk, "amount": "1"}
    tries = [bobs.pk, bobs.pk + 1, bobs.pk, bobs.pk]
    answers = [signed_in(alice).post(f"{TRANSFERS}?dry_run=true", body | {"destination": one}) for one in tries]
    assert [answer.status_code for answer in answers] == [200, 404, 429, 429]
    succeeded(post_transfer(alice, wallet, "1", destination=bobs))


@pytest.mark.parametrize("body", [[1], "recipient", None, {"recipient": None}])
def test_a_body_of_any_shape_is_counted_or_refused(alice: Any, rates: Rates, body: Any) -> None:
    rates(recipients="1/min")
    for _ in range(2):
        answer = signed_in(alice).post(TRANSFERS, body, headers=new_key())
        assert answer.status_code in (400, 429)


def test_who_can_send_nothing_does_not_learn_who_has_an_account(alice: Any, bob: Any, wallet: Wallet) -> None:
    answers = [post_transfer(alice, wallet, "1000.01", recipient=email) for email in (bob.email, "nobody@example.com")]
    bodies = [refused(answer, 409, "insufficient_funds") for answer in answers]
    assert bodies[0] == bodies[1]


# --- pending orders ---
def test_a_user_has_so_many_pending_orders(alice: Any, bob: Any, admin: Any, wallet: Wallet, settings: Any) -> None:
    settings.TILL_PENDING_ORDERS = 3
    bank = recipes.bank_account.make(owner=alice)
    first = deposit(alice, wallet)
    deposit(alice, wallet)
    withdraw(alice, wallet, bank, "1")
    refused(post_order(alice, "deposits", wallet, "1"), 409, "too_many_pending_orders")
    refused(post_order(alice, "withdrawals", wallet, "1", external_wallet=bank.pk), 409, "too_many_pending_orders")
    deposit(bob, wallet_with(bob, "USD", "1"))
    assert settle(admin, "deposits", first).status_code == 200
    deposit(alice, wallet)


def test_requests_at_one_moment_do_not_pass_the_limit_together(committed_db: None, alice: Any, settings: Any) -> None:
    settings.TILL_PENDING_ORDERS = 2
    wallet = wallet_with(alice, "USD", "10").pk
    answers = at_once(*[lambda: post_order(alice, "deposits", wallet, "1")] * 6)
    assert outcomes(answers) == Counter({(201, ""): 2, (409, "too_many_pending_orders"): 4})
    assert Deposit.objects.count() == 2


# --- quotes ---
def test_a_user_has_so_many_quotes_that_are_still_good(alice: Any, bob: Any, wallet: Wallet, settings: Any) -> None:
    settings.TILL_OPEN_QUOTES = 2
    store_rate("USD", "EUR", "0.9")
    euros = open_wallet(owner_id=alice.pk, currency="EUR")
    _, second = new_quote(alice, "5"), new_quote(alice, "6")
    refused(ask_quote(alice, "7"), 409, "too_many_quotes")
    succeeded(ask_quote(bob, "7"))
    succeeded(post_exchange(alice, wallet, euros, quote=second))
    succeeded(ask_quote(alice, "8"))
    recipes.expired_quote.make(user=alice)
    succeeded(ask_quote(alice, "9"))


def test_quotes_are_pruned_that_expired_unused(alice: Any, wallet: Wallet) -> None:
    store_rate("USD", "EUR", "0.9")
    euros = open_wallet(owner_id=alice.pk, currency="EUR")
    used = new_quote(alice, "6")
    succeeded(post_exchange(alice, wallet, euros, quote=used))
    recent = recipes.expired_quote.make(user=alice).pk
    a_day_ago = timezone.now() - timedelta(hours=25)
    old = recipes.expired_quote.make(user=alice, created_at=a_day_ago - timedelta(minutes=1), expires_at=a_day_ago).pk
    good = new_quote(alice, "7")
    out = io.StringIO()
    call_command("prune_quotes", stdout=out)
    assert out.getvalue() == "1 quotes deleted\n"
    assert set(Quote.objects.values_list("pk", flat=True)) == {used, recent, good}
    assert not Quote.objects.filter(pk=old).exists()
    assert Exchange.objects.get().quote_id == used
    with pytest.raises(CommandError):
        call_command("prune_quotes", "--older-than-hours", "0")
