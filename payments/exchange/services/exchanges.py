"""Exchanging: one transaction through the house's exchange wallets, in which each currency balances."""

from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from payments.exchange.conversion import convert
from payments.exchange.models import Exchange, Quote
from payments.exchange.services.quotes import Terms, in_use, terms_now
from payments.ledger import booking
from payments.ledger.models import Transaction, Wallet
from payments.ledger.services.wallets import lock_owned
from payments.money import EXACT
from postgres.sequences import next_id

_FIELDS = ("source", "destination")


class QuoteExpired(Exception):
    """The quote's time is over; ask for another."""

    field = "quote"


class QuoteUsed(Exception):
    """The quote was used for an exchange."""

    field = "quote"


class RateSlipped(Exception):
    """The rate is worse than the expected one by more than you allow."""

    field = "max_slippage"

    def __init__(self, rate: Decimal) -> None:
        super().__init__(f"The rate is {rate:f} now.")
        self.extra = {"rate": f"{rate:f}"}


@dataclass(frozen=True, slots=True)
class ExpectedRate:
    """The rate that somebody has seen, and by how many percent of it the real one may be worse."""

    rate: Decimal
    max_slippage: Decimal

    def check(self, rate: Decimal) -> None:
        """Raise RateSlipped for a rate that is worse; a better one is welcome."""
        share = EXACT.divide(EXACT.subtract(Decimal(100), self.max_slippage), Decimal(100))
        if rate < EXACT.multiply(self.rate, share):
            raise RateSlipped(rate)


@transaction.atomic
def exchange(
    *, user_id: int, source_id: int, destination_id: int, amount: Decimal, expected: ExpectedRate | None = None
) -> Exchange:
    """Exchange at the rate that holds once the wallets are locked. Not idempotent.

    Locks both wallets, which must be the user's own. Raises WalletNotFound, SameCurrency, CurrencyUnavailable,
    InvalidAmount, RateUnavailable, RateSlipped, and the ledger's InsufficientFunds and BalanceTooLarge.
    """
    locked, source, destination = _lock_pair(source_id, destination_id, user_id)
    currency = in_use(source.currency, destination.currency, fields=_FIELDS)
    terms = terms_now(source=currency, target=destination.currency, amount=amount)
    if expected:
        expected.check(terms.rate)
    return _book(locked, source, destination, terms)


@transaction.atomic
def exchange_quoted(*, user_id: int, source_id: int, destination_id: int, quote_id: int) -> Exchange:
    """Exchange what a quote promised, once: whoever comes second waits for the quote's row, and is refused.

    Locks the quote, then both wallets, which must be the user's own. Raises Quote.DoesNotExist (others' too),
    QuoteUsed, QuoteExpired, WalletNotFound, SameCurrency, CurrencyUnavailable, and the ledger's CurrencyMismatch,
    InsufficientFunds and BalanceTooLarge.
    """
    quote = _lock_quote(quote_id, user_id)
    locked, source, destination = _lock_pair(source_id, destination_id, user_id)
    in_use(source.currency, destination.currency, fields=_FIELDS)
    _check_currencies(quote, source, destination)
    proceeds, remainder = convert(quote.amount, quote.rate)
    terms = Terms(
        amount=quote.amount, rate=quote.rate, proceeds=proceeds, remainder=remainder,
        commission=quote.commission, rule=quote.rule,
    )  # fmt: skip
    return _book(locked, source, destination, terms, quote=quote)


def _lock_quote(quote_id: int, user_id: int) -> Quote:
    quotes = Quote.objects.select_for_update(no_key=True, of=("self",)).select_related("rule")
    quote = quotes.get(pk=quote_id, user=user_id)
    if Exchange.objects.filter(quote=quote).exists():
        raise QuoteUsed
    if quote.expires_at <= timezone.now():
        raise QuoteExpired
    return quote


def _check_currencies(quote: Quote, source: booking.LockedWallet, destination: booking.LockedWallet) -> None:
    promised = (quote.source_currency_id, quote.target_currency_id)
    for field, wallet, currency in zip(_FIELDS, (source, destination), promised, strict=True):
        if wallet.currency != currency:
            raise booking.CurrencyMismatch(f"The quote is from {promised[0]} to {promised[1]}.", field=field)


def _lock_pair(
    source_id: int, destination_id: int, user_id: int
) -> tuple[booking.LockedWallets, booking.LockedWallet, booking.LockedWallet]:
    locked = lock_owned(source=source_id, destination=destination_id, owner_id=user_id)
    return locked, locked.wallets[source_id], locked.wallets[destination_id]


def _book(
    locked: booking.LockedWallets,
    source: booking.LockedWallet,
    destination: booking.LockedWallet,
    terms: Terms,
    *,
    quote: Quote | None = None,
) -> Exchange:
    exchange = Exchange(
        pk=next_id(Exchange),
        user_id=source.owner_id,
        source_id=source.id,
        destination_id=destination.id,
        source_currency_id=source.currency,
        target_currency_id=destination.currency,
        amount=terms.amount,
        rate=terms.rate,
        proceeds=terms.proceeds,
        remainder=terms.remainder,
        commission=terms.commission,
        rule=terms.rule,
        quote=quote,
    )
    new = booking.NewTransaction(Transaction.Kind.EXCHANGE, tuple(_postings(exchange)), f"exchange {exchange.pk}")
    exchange.transaction_id = locked.book_one(new).transaction_id
    exchange.save(force_insert=True)
    return exchange


def _postings(exchange: Exchange) -> list[booking.NewPosting]:
    """The house takes the one currency and gives the other; what rounding left is simply not given."""
    takes = booking.house_wallet(Wallet.House.EXCHANGE, exchange.source_currency_id)
    gives = booking.house_wallet(Wallet.House.EXCHANGE, exchange.target_currency_id)
    postings = [
        booking.NewPosting(exchange.source_id, takes, exchange.amount),
        booking.NewPosting(gives, exchange.destination_id, exchange.proceeds),
    ]
    if exchange.commission:
        fees = booking.house_wallet(Wallet.House.COMMISSION, exchange.source_currency_id)
        postings.append(booking.NewPosting(exchange.source_id, fees, exchange.commission))
    return postings
