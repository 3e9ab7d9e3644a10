"""Rows for every list of the staff site, as long as they come: emails, names, ids of providers, amounts of 38 digits.

Most is stored by the services, as in life. A recipe makes only what none of them would let be so long.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from accounts.key_scopes import Scope
from accounts.models import User
from catalog import services as shop
from payments.api_keys.services import add_key, revoke_key
from payments.deliveries import services as deliveries
from payments.events import relay
from payments.exchange import services as exchange
from payments.metadata.members import Attached
from payments.models import Currency, Provider
from payments.orders import services as orders
from payments.transfers.services import transfer
from staff.history import record
from tests.support import recipes
from tests.support.exchanges import store_rate
from tests.support.ledger import wallet_with
from tests.support.notices import NOBODY, credit, refused_notice
from tests.support.purchases import a_product

UUID = "0192f0c1-2e3a-7b44-9c55-1234567890ab"
LARGE = "1234567890123456789012345678.1234567891"
HALF = "1000000000000000000000000000.01"
WORDS = "A long name that somebody typed without an end in sight and without a thought for tables "
EMAIL = "maximiliana.montgomery-featherstonehaugh.of.accounts.payable@a-company-with-a-long-name.example.com"
#: Nothing at all to break a line at.
SOLID = "x" * 90


PROVIDER, CURRENCY = SOLID[:50], "ABCDEFGHIJ"


def remove_what_stays() -> None:
    """Delete what is in tables that no test empties, once nothing refers to it."""
    Provider.objects.filter(slug=PROVIDER).delete()
    Currency.objects.filter(code=CURRENCY).delete()


def fill_lists(admin: User) -> None:
    with override_settings(TILL_MAX_AMOUNT=LARGE):
        _Filling(admin).run()


@dataclass
class _Filling:
    admin: User

    def run(self) -> None:
        self.alice = recipes.user.make(email=EMAIL, full_name=(WORDS * 2)[:150])
        self.bob = recipes.user.make(email=f"{SOLID[:60]}@{SOLID[:60]}.example.com", full_name=SOLID)
        recipes.user.make(email=f"disabled.{EMAIL}", is_active=False)
        self.service = recipes.service.make(email=f"service.{EMAIL}")
        self.provider = recipes.provider.make(slug=PROVIDER, requires_uuid=True, previous_secret="x" * 30)
        self.attached = Attached(reference=f"invoice {UUID} {UUID}", metadata={"order": UUID})
        self.wallets()
        self.notices()
        self.orders()
        self.exchanges()
        self.shop()
        self.services()
        self.endpoints()
        self.log()

    def wallets(self) -> None:
        self.wallet = wallet_with(self.alice, "USD", "5000.00")
        self.euros = wallet_with(self.alice, "EUR", "12")
        self.others = wallet_with(self.bob, "USD", "1")
        credit(self.alice, self.wallet.pk, LARGE, external_id=f"{SOLID}-{UUID}")
        recipes.currency.make(code=CURRENCY, name=WORDS[:60], decimal_places=10, is_active=False)

    def notices(self) -> None:
        credit(self.alice, self.wallet.pk, HALF, external_id=UUID)
        refused_notice(user_id=NOBODY, account=2**62, external_id=SOLID * 2, amount=HALF)

    def orders(self) -> None:
        rule = recipes.commission_rule.make
        rule(percent=Decimal("1.23456"), fixed=Decimal(HALF), minimum=Decimal(HALF), maximum=Decimal(LARGE))
        rule(operation="transfer", percent=Decimal("1.5"), valid_until=timezone.now() + timedelta(days=1))
        account = recipes.bank_account.make(owner=self.alice, label=(WORDS * 2)[:100])
        recipes.bank_account.make(owner=self.bob, label=SOLID, deleted_at=timezone.now())
        common: dict[str, Any] = {"user_id": self.alice.pk, "wallet_id": self.wallet.pk, "attached": self.attached}
        for amount in (Decimal(HALF), Decimal("1234.5"), Decimal(5)):
            latest = orders.request_deposit(amount=amount, provider=self.provider.slug, **common)
            orders.request_withdrawal(amount=amount, external_wallet_id=account.pk, **common)
        orders.settle_deposit(deposit_id=latest.pk, settlement="rejected", by=self.admin, reason=WORDS)

    def exchanges(self) -> None:
        store_rate("EUR", "USD", "1.1", hours_old=999)
        rate = store_rate("USD", "EUR", "1234567.1234567891")
        rate.origin = WORDS[:60]
        rate.save()
        source: dict[str, Any] = {"user_id": self.alice.pk, "source_id": self.wallet.pk, "attached": self.attached}
        exchange.quote(user_id=self.alice.pk, source="USD", target="EUR", amount=Decimal("12345678.90"))
        recipes.expired_quote.make(user=self.alice)
        exchange.exchange(destination_id=self.euros.pk, amount=Decimal("100000000000000.01"), **source)
        transfer(destination_id=self.others.pk, amount=Decimal(HALF) / 10, note=(WORDS * 3)[:200], **source)

    def shop(self) -> None:
        product = a_product(title=(WORDS * 3)[:200], price=Decimal("12345678901234567890.12"), stock=12345678)
        a_product(title=SOLID, is_active=False)
        buyer: dict[str, Any] = {"user_id": self.alice.pk, "wallet_id": self.wallet.pk, "attached": self.attached}
        purchase = shop.buy(product_id=product.pk, quantity=3, **buyer)
        shop.refund(purchase_id=purchase.pk, by=self.admin, reason=(WORDS * 3)[:200], amount=Decimal("1234567.89"))

    def services(self) -> None:
        everything: dict[str, Any] = {"user_id": self.service.pk, "scopes": list(Scope), "staff": self.admin}
        add_key(name=(WORDS * 2)[:100], networks=["2001:db8::/32"], **everything)
        key, _ = add_key(name=SOLID, **everything)
        revoke_key(key_id=key.pk, staff=self.admin, reason="lost")
        recipes.settlement_scope.make(service=self.service)
        limits: dict[str, Any] = {"everything": False, "currency_id": "USD", "provider": self.provider}
        recipes.settlement_scope.make(
            service=recipes.service.make(email=f"another.{EMAIL}"), max_amount=LARGE, **limits
        )

    def endpoints(self) -> None:
        endpoint = deliveries.add_endpoint(
            url=f"https://example.com/{SOLID}/{SOLID}", types=["deposit.paid", "wallet.*"], staff=self.admin
        )
        deliveries.send_test(endpoint_id=endpoint.pk, staff=self.admin)
        relay.catch_up()

    def log(self) -> None:
        record(about=self.alice, staff=self.admin, text=f"{WORDS} {SOLID} Reason: {WORDS}")
        recipes.failed_login.make(username=EMAIL, user_agent=WORDS * 2, path_info=f"/{SOLID}", ip_address="2001:db8::1")
        call_command("check_ledger", verbosity=0)
