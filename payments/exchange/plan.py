"""Exchanges, at the present rate and by a quote: what they ask and lock, and how they are decided."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from payments.commission import charging
from payments.commission.models import Operation
from payments.exchange.conversion import convert
from payments.exchange.models import Exchange, Quote
from payments.exchange.terms import check_exchangeable, pair_in_use, proceeds_of, rate_in_use
from payments.ledger import booking, shortfall
from payments.ledger.models import Currency, Transaction, Wallet
from payments.ledger.queries.ledger_questions import CURRENCY_OF_WALLET, currency_from
from payments.metadata.members import NOTHING, Attached
from payments.money import EXACT
from payments.operations.plan import Questions, UnitOfWork
from postgres.model_rows import moment_of
from postgres.parameters import BIGINT
from postgres.pipeline_connection import Rows
from postgres.questions import LockOrder, Question

_FIELDS = ("source", "destination")
# It is read under the locks of the wallets, and its own row is not locked: an exchange keeps the rate that it read.
_RATE = Question(
    """
SELECT asked.n, rate.rate, (extract(epoch FROM rate.as_of) * 1000000)::bigint
FROM {rows} AS asked (n, source_id, destination_id)
JOIN payments_wallet source ON source.id = asked.source_id
JOIN payments_wallet destination ON destination.id = asked.destination_id
JOIN payments_exchangerate rate ON rate.source_currency_id = source.currency_id
    AND rate.target_currency_id = destination.currency_id
""",
    *(BIGINT, BIGINT),
)
_QUOTE = Question(
    """
SELECT asked.n, quote.source_currency_id, quote.target_currency_id, quote.amount, quote.rate, quote.commission,
    quote.rule_id, (extract(epoch FROM quote.expires_at) * 1000000)::bigint
FROM {rows} AS asked (n, quote_id, user_id)
JOIN payments_quote quote ON quote.id = asked.quote_id AND quote.user_id = asked.user_id
ORDER BY quote.id FOR NO KEY UPDATE OF quote
""",
    *(BIGINT, BIGINT),
    order=LockOrder.QUOTES,
)
_EXCHANGE_BY_QUOTE = Question(
    "SELECT asked.n, exchange.id FROM {rows} AS asked (n, quote_id)"
    " JOIN payments_exchange exchange ON exchange.quote_id = asked.quote_id",
    BIGINT,
)
_NEW_ID = Question("SELECT asked.n, nextval('payments_exchange_id_seq') FROM {rows} AS asked (n, number)", BIGINT)


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
        super().__init__(_("The rate is %(rate)s now.") % {"rate": f"{rate:f}"})
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


class _Terms(NamedTuple):
    """An amount of the source's currency at a rate. proceeds + remainder = amount x rate, exactly."""

    amount: Decimal
    rate: Decimal
    proceeds: Decimal
    remainder: Decimal
    commission: Decimal
    rule_id: int | None


@dataclass(slots=True, kw_only=True)
class _BetweenOwnWallets:
    """What both kinds of exchange share. Locks both wallets, which must be the user's own."""

    user_id: int
    source_id: int
    destination_id: int
    attached: Attached = NOTHING
    _currencies: tuple[Rows, Rows] = field(default_factory=lambda: ([], []))
    _id: Rows = field(default_factory=list)

    def _ask(self, questions: Questions) -> None:
        wallets = self.source_id, self.destination_id
        questions.lock_wallets(*wallets)
        self._currencies = questions.ask(CURRENCY_OF_WALLET, wallets[0]), questions.ask(CURRENCY_OF_WALLET, wallets[1])
        self._id = questions.ask_anew(_NEW_ID)

    def _pair(self, work: UnitOfWork) -> tuple[Currency, Currency]:
        """Return the wallets' currencies. Raises WalletNotFound, CurrencyUnavailable or SameCurrency."""
        source = work.own_wallet(self.source_id, self.user_id, field=_FIELDS[0])
        destination = work.own_wallet(self.destination_id, self.user_id, field=_FIELDS[1])
        pair = currency_from(self._currencies[0]), currency_from(self._currencies[1])
        return pair_in_use(source.currency, destination.currency, pair, fields=_FIELDS)

    def _book(
        self, work: UnitOfWork, pair: tuple[Currency, Currency], terms: _Terms, quote_id: int | None = None
    ) -> Exchange:
        exchange = Exchange(
            pk=self._id[0][0],
            user_id=self.user_id,
            source_id=self.source_id,
            destination_id=self.destination_id,
            source_currency=pair[0],
            target_currency=pair[1],
            quote_id=quote_id,
            created_at=work.now,
            reference=self.attached.reference,
            metadata=self.attached.metadata,
            **terms._asdict(),
        )
        new = booking.NewTransaction(Transaction.Kind.EXCHANGE, tuple(_postings(exchange)), f"exchange {exchange.pk}")
        with shortfall.revealed(pair[0].decimal_places):
            exchange.transaction_id = work.book(new).transaction_id
        work.insert(exchange)
        return exchange


@dataclass(slots=True, kw_only=True)
class ExchangePlan(_BetweenOwnWallets):
    """Exchanges at the rate that holds once the wallets are locked. Locks the commission rule, then both wallets."""

    amount: Decimal
    expected: ExpectedRate | None = None
    at: datetime = field(default_factory=timezone.now)
    _rate: Rows = field(default_factory=list)
    _rule: Rows = field(default_factory=list)

    def ask(self, questions: Questions) -> None:
        self._ask(questions)
        self._rate = questions.ask(_RATE, self.source_id, self.destination_id)
        self._rule = charging.ask_rule(questions, operation=Operation.EXCHANGE, wallet_id=self.source_id, at=self.at)

    def decide(self, work: UnitOfWork) -> Exchange:
        """Return the exchange.

        Raises WalletNotFound, SameCurrency, CurrencyUnavailable, InvalidAmount, RateUnavailable, RateSlipped, and the
        ledger's InsufficientFunds and BalanceTooLarge.
        """
        pair = self._pair(work)
        check_exchangeable(self.amount)
        dated_rate = (self._rate[0][0], moment_of(self._rate[0][1])) if self._rate else None
        rate = rate_in_use(dated_rate, pair[0].pk, pair[1].pk)
        proceeds, remainder = proceeds_of(self.amount, rate)
        fee = charging.charge_by(self._rule, currency=pair[0], amount=self.amount)
        if self.expected:
            self.expected.check(rate)
        rule_id = fee.rule.pk if fee.rule else None
        return self._book(work, pair, _Terms(self.amount, rate, proceeds, remainder, fee.amount, rule_id))


@dataclass(slots=True, kw_only=True)
class QuotedExchangePlan(_BetweenOwnWallets):
    """Exchanges what a quote promised, once. Locks the quote, then both wallets."""

    quote_id: int
    _quote: Rows = field(default_factory=list)
    _exchange: Rows = field(default_factory=list)

    def ask(self, questions: Questions) -> None:
        self._ask(questions)
        self._quote = questions.ask(_QUOTE, self.quote_id, self.user_id)
        self._exchange = questions.ask(_EXCHANGE_BY_QUOTE, self.quote_id)

    def decide(self, work: UnitOfWork) -> Exchange:
        """Return the exchange. Whoever comes second with a quote is refused.

        Raises Quote.DoesNotExist (others' too), QuoteUsed, QuoteExpired, WalletNotFound, SameCurrency,
        CurrencyUnavailable, and the ledger's CurrencyMismatch, InsufficientFunds and BalanceTooLarge.
        """
        if not self._quote:
            raise Quote.DoesNotExist
        source, target, amount, rate, commission, rule_id, expires_at = self._quote[0]
        if self._exchange:
            raise QuoteUsed
        if moment_of(expires_at) <= timezone.now():
            raise QuoteExpired
        pair = self._pair(work)
        for name, currency, promised in zip(_FIELDS, pair, (source, target), strict=True):
            if currency.pk != promised:
                raise booking.CurrencyMismatch(
                    _("The quote is from %(source)s to %(target)s.") % {"source": source, "target": target}, field=name
                )
        terms = _Terms(amount, rate, *convert(amount, rate), commission, rule_id)
        exchange = self._book(work, pair, terms, self.quote_id)
        work.change_answer(self._exchange, exchange.pk)
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
