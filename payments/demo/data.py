"""The demo's currencies and providers: also the books that a test starts from. And its exchange rates."""

from decimal import Decimal
from itertools import permutations

from django.db import transaction
from django.utils import timezone

from payments.commission.models import CommissionRule, Operation
from payments.exchange import services as exchange
from payments.exchange.models import ExchangeRate
from payments.exchange.services.rate_import import SAMPLE_ORIGIN
from payments.ledger.services.currencies import open_currency
from payments.webhooks import provider_secrets
from payments.webhooks.models import Provider

CURRENCIES = (
    ("USD", "US dollar", 2),
    ("EUR", "Euro", 2),
    ("GBP", "Pound sterling", 2),
    ("JPY", "Japanese yen", 0),
    ("BTC", "Bitcoin", 8),
)


@transaction.atomic
def open_demo_books() -> None:
    """Open the demo's currencies, house wallets and one provider for each scheme. Safe to repeat."""
    for code, name, decimal_places in CURRENCIES:
        open_currency(code=code, name=name, decimal_places=decimal_places)
    for scheme, secret in provider_secrets.PUBLISHED.items():
        Provider.objects.get_or_create(
            slug=scheme,
            defaults={
                "scheme": scheme,
                "currency_id": "USD",
                "secret": secret,
                # A digit shifted from the amount into a free text id would be a new notice with a valid signature.
                "requires_uuid": scheme == Provider.Scheme.SHA256_CONCAT,
            },
        )


#: What marks a rate of the demo: one that staff set has another origin, and stays.
DEMO_ORIGIN = "demo"
#: The European Central Bank knows no bitcoin: here one is 80,000 euro.
BITCOINS_FOR_A_EURO = Decimal("0.0000125")
_BITCOIN_PAIRS = set(permutations(("BTC", "EUR"), 2)) | set(permutations(("BTC", "USD"), 2))


CHARGED = (Operation.DEPOSIT, Operation.WITHDRAWAL)
#: Percent of each deposit and each withdrawal of the demo. Webhooks credit without it.
DEMO_COMMISSION = Decimal(1)


@transaction.atomic
def seed_commission() -> int:
    """Charge one percent of deposits and withdrawals, where no rule was ever made; return how many rules are new."""
    ruled = set(CommissionRule.objects.values_list("operation", "currency_id"))
    wanted = {(operation.value, code) for operation in CHARGED for code, _, _ in CURRENCIES} - ruled
    now = timezone.now()
    CommissionRule.objects.bulk_create(
        CommissionRule(operation=operation, currency_id=code, percent=DEMO_COMMISSION, valid_from=now)
        for operation, code in sorted(wanted)
    )
    return len(wanted)


@transaction.atomic
def seed_rates() -> exchange.Loaded:
    """Set the demo's exchange rates from the sample that ships, as of now. Safe to repeat: they are fresh again."""
    sheet = exchange.read_sheet(exchange.fetch(str(exchange.SAMPLE)))
    sheet.prices["BTC"] = BITCOINS_FOR_A_EURO
    wanted = {pair for pair in permutations(sheet.prices, 2) if "BTC" not in pair} | _BITCOIN_PAIRS
    others = ExchangeRate.objects.exclude(origin__in=(DEMO_ORIGIN, SAMPLE_ORIGIN))
    wanted -= set(others.values_list("source_currency_id", "target_currency_id"))
    return exchange.load_rates(sheet, as_of=timezone.now(), origin=DEMO_ORIGIN, force=True, confirm=True, only=wanted)
