"""What tests make directly: `recipes.user.make(email="dave@example.com")`.

Whose it is must be given (an owner, a user, a service): otherwise it is somebody's whom baker makes up.
No amount and no currency is random. No recipe books: money reaches a wallet through tests.support.ledger and notices.
"""

from datetime import timedelta
from decimal import Decimal

from axes.models import AccessAttempt
from django.utils import timezone
from model_bakery.recipe import Recipe
from model_bakery.utils import seq

from accounts.models import Role, SecondFactor, TokenFamily, User
from catalog.models import Product
from payments.models import (
    CommissionRule,
    Currency,
    ExchangeRate,
    ExternalWallet,
    IdempotencyKey,
    LedgerCheck,
    Provider,
    Quote,
    SettlementScope,
    Wallet,
    WebhookEvent,
    Withdrawal,
)

IBAN = "DE89370400440532013000"

# --- users ---
#: May act at once, and has no password.
user = Recipe(
    User,
    email=seq("user", suffix="@example.com"),
    password="!",
    is_active=True,
    activated_at=timezone.now,
)
service = user.extend(email=seq("service", suffix="@example.com"), role=Role.SERVICE)
admin = user.extend(email=seq("admin", suffix="@example.com"), role=Role.ADMIN, is_staff=True, is_superuser=True)
USERS: dict[str, Recipe[User]] = {Role.USER: user, Role.SERVICE: service, Role.ADMIN: admin}

token_family = Recipe(TokenFamily, expires_at=lambda: timezone.now() + timedelta(days=1))
second_factor = Recipe(SecondFactor, secret="", pending_secret="")
failed_login = Recipe(
    AccessAttempt,
    failures_since_start=1,
    ip_address="127.0.0.1",
    user_agent="",
    http_accept="",
    path_info="",
    get_data="",
    post_data="",
)

# --- the ledger and who fills it ---
currency = Recipe(Currency, name="A currency", decimal_places=2)
#: Empty: only the ledger moves money.
wallet = Recipe(Wallet, currency_id="USD")
provider = Recipe(
    Provider,
    slug=seq("provider"),
    scheme=Provider.Scheme.SHA1_COLON,
    currency_id="USD",
    secret="known only to the two of us",
)
#: Claims a transaction that the ledger booked.
credited_event = Recipe(
    WebhookEvent,
    external_id=seq("test-"),
    verdict=WebhookEvent.Status.CREDITED,
    reason="",
)
ledger_check = Recipe(LedgerCheck, postings=1, differences=0)
idempotency_key = Recipe(IdempotencyKey, key=seq("key-"), fingerprint="0" * 64, status=201, body="{}")

# --- orders, exchange, the shop ---
bank_account = Recipe(
    ExternalWallet, label="My bank", currency_id="USD", kind=ExternalWallet.Kind.BANK, details={"iban": IBAN}
)
#: Its amount must be held in the wallet.
pending_withdrawal = Recipe(Withdrawal, currency_id="USD", amount=Decimal("5.00"))
#: The service settles all orders.
settlement_scope = Recipe(SettlementScope, everything=True)
#: In force since an hour ago, and charges nothing.
commission_rule = Recipe(
    CommissionRule,
    operation="deposit",
    currency_id="USD",
    valid_from=lambda: timezone.now() - timedelta(hours=1),
)
exchange_rate = Recipe(
    ExchangeRate,
    source_currency_id="USD",
    target_currency_id="EUR",
    rate=Decimal("0.9"),
    origin="test",
    as_of=timezone.now,
)
expired_quote = Recipe(
    Quote,
    source_currency_id="USD",
    target_currency_id="EUR",
    amount=Decimal("100.00"),
    rate=Decimal("0.9"),
    proceeds=Decimal("90.00"),
    created_at=lambda: timezone.now() - timedelta(minutes=2),
    expires_at=lambda: timezone.now() - timedelta(minutes=1),
)
product = Recipe(
    Product,
    title="Pen",
    description="Steel nib.",
    price=Decimal("25.00"),
    currency_id="USD",
    search_text="pen\nsteel nib.",
)
