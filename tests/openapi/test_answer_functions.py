"""What a function writes into an answer is what the declared fields would: the document is made of those."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from django.db.models import Model
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework import serializers

from accounts.models import Role, User
from accounts.serializers import UserSerializer, user_answer
from api.decimals import parse_decimal
from catalog.models import Product, Purchase, Refund
from catalog.serializers.products import ProductSerializer, product_answer
from catalog.serializers.purchases import PurchaseSerializer, RefundSerializer, purchase_answer, refund_answer
from payments.exchange.serializers import ExchangeSerializer, QuoteSerializer, exchange_answer, quote_answer
from payments.ledger.queries.statements import Period, StatementLine
from payments.ledger.serializers.statements import StatementLineSerializer, StatementSerializer, statement_answer
from payments.ledger.serializers.transactions import (
    PostingSerializer,
    TransactionSerializer,
    posting_answer,
    transaction_answer,
)
from payments.ledger.serializers.wallets import (
    StaffWalletSerializer,
    WalletSerializer,
    staff_wallet_answer,
    wallet_answer,
)
from payments.models import (
    Currency,
    Deposit,
    Exchange,
    ExternalWallet,
    OrderStatus,
    Posting,
    Provider,
    Quote,
    Reversal,
    Transaction,
    Transfer,
    Wallet,
    Withdrawal,
)
from payments.money import MAX_AMOUNT
from payments.orders.serializers.orders import (
    DepositSerializer,
    WithdrawalSerializer,
    deposit_answer,
    withdrawal_answer,
)
from payments.transfers.serializers import TransferSerializer, transfer_answer

Row = TypeVar("Row", bound=Model)

ids = st.integers(1, 2**63 - 1)
amounts = st.decimals(0, MAX_AMOUNT, places=10) | st.decimals(0, 10**6, places=2) | st.sampled_from([Decimal(0)])
texts = st.text(max_size=40)
zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
times = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=zones)  # noqa: DTZ001 - zones come on top
currencies = st.builds(Currency, code=st.sampled_from(["USD", "JPY", "TOKEN"]), decimal_places=st.integers(0, 10))
users = st.builds(User, id=ids, email=st.emails(), full_name=texts, role=st.sampled_from([*Role, *Role.values]))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


attached: dict[str, st.SearchStrategy[Any]] = {
    "reference": texts,
    "metadata": maybe(st.dictionaries(texts, texts, max_size=3)),
}
wallets = st.builds(
    Wallet,
    id=ids,
    owner_id=maybe(ids),
    house=st.sampled_from([None, *Wallet.House, *Wallet.House.values]),
    currency=currencies,
    balance=amounts,
    held=amounts,
    may_overdraw=st.booleans(),
    created_at=times,
)
postings = st.builds(
    Posting, source_id=ids, destination_id=ids, currency=currencies, amount=amounts, source_balance=maybe(amounts)
)


@st.composite
def seen_postings(draw: st.DrawFn) -> Posting:
    posting = draw(postings)
    return with_attributes(
        posting, seen_source_balance=draw(maybe(amounts)), seen_destination_balance=draw(maybe(amounts))
    )


def with_attributes(instance: Row, **attributes: Any) -> Row:
    """Add what a query annotates."""
    for name, value in attributes.items():
        setattr(instance, name, value)
    return instance


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    kind = draw(st.sampled_from([*Transaction.Kind, *Transaction.Kind.values]))
    booked = Transaction(id=draw(ids), kind=kind, reference=draw(texts), created_at=draw(times))
    for name in ("reverses", "reversal"):
        reversal = draw(st.none() | st.builds(Reversal, original_id=ids, transaction_id=ids))
        relation: Any = Transaction._meta.get_field(name)
        relation.set_cached_value(booked, reversal)
    return with_attributes(booked, seen_postings=draw(st.lists(seen_postings(), max_size=3)))


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    sent = draw(
        st.builds(
            Transfer,
            id=maybe(ids),
            user=users,
            source_id=ids,
            destination_id=ids,
            currency=currencies,
            amount=amounts,
            note=texts,
            transaction_id=maybe(ids),
            created_at=times,
            **attached,
        )
    )
    direction = draw(st.sampled_from(["sent", "received", "own"]))
    return with_attributes(sent, direction=direction, seen_commission=draw(maybe(amounts)))


products = st.builds(
    Product,
    id=ids,
    title=texts,
    description=texts,
    price=amounts,
    currency=currencies,
    is_active=st.booleans(),
    stock=maybe(st.integers(0, 10**6)),
    created_at=times,
)
purchases = st.builds(
    Purchase,
    id=maybe(ids),
    user_id=ids,
    product_id=ids,
    title=texts,
    wallet_id=ids,
    quantity=st.integers(1, 1000),
    unit_price=amounts,
    amount=amounts,
    currency=currencies,
    refunded=amounts,
    transaction_id=maybe(ids),
    created_at=times,
    **attached,
)
refunds = st.builds(
    Refund, id=ids, purchase=purchases, amount=amounts, reason=texts, transaction_id=ids, created_at=times
)
conversion = {
    "id": maybe(ids),
    "source_currency": currencies,
    "target_currency": currencies,
    "rate": st.decimals(0, 10**18 - 1, places=10) | st.decimals(0, 10, places=4),
    "amount": amounts,
    "proceeds": amounts,
    "commission": amounts,
    "created_at": times,
}
quotes = st.builds(Quote, **conversion, expires_at=times)
exchanges = st.builds(
    Exchange,
    **conversion,
    user_id=ids,
    source_id=ids,
    destination_id=ids,
    remainder=st.decimals(0, Decimal("1e-10"), places=20),
    quote_id=maybe(ids),
    transaction_id=maybe(ids),
    **attached,
)
order: dict[str, st.SearchStrategy[Any]] = {
    "id": maybe(ids),
    "user": users,
    "wallet_id": ids,
    "currency": currencies,
    "amount": amounts,
    "commission": amounts,
    "status": st.sampled_from([*OrderStatus, *OrderStatus.values]),
    "reason": texts,
    "provider": maybe(st.builds(Provider, slug=texts)),
    "transaction_id": maybe(ids),
    "created_at": times,
    "settled_at": maybe(times),
    **attached,
}
external_wallets = st.builds(
    ExternalWallet,
    id=ids,
    label=texts,
    kind=st.sampled_from([*ExternalWallet.Kind, *ExternalWallet.Kind.values]),
    details=st.dictionaries(texts, texts, max_size=2),
)
withdrawals = st.builds(Withdrawal, **order, external_wallet=external_wallets)

ANSWERS: dict[type[serializers.BaseSerializer[Any]], tuple[Callable[[Any], Any], st.SearchStrategy[Any]]] = {
    UserSerializer: (user_answer, users),
    WalletSerializer: (wallet_answer, wallets),
    StaffWalletSerializer: (staff_wallet_answer, wallets),
    PostingSerializer: (posting_answer, seen_postings()),
    TransactionSerializer: (transaction_answer, transactions()),
    TransferSerializer: (transfer_answer, transfers()),
    ProductSerializer: (product_answer, products),
    PurchaseSerializer: (purchase_answer, purchases),
    RefundSerializer: (refund_answer, refunds),
    QuoteSerializer: (quote_answer, quotes),
    ExchangeSerializer: (exchange_answer, exchanges),
    DepositSerializer: (deposit_answer, st.builds(Deposit, **order)),
    WithdrawalSerializer: (withdrawal_answer, withdrawals),
}


def exactly(answer: Any) -> str:
    """With the order of the members, and with the types of what JSON writes alike."""
    return repr({name: (type(value), value) for name, value in answer.items()})


def by_declared_fields(serializer: Any, instance: Model) -> Any:
    return serializers.Serializer.to_representation(serializer, instance)


@pytest.mark.parametrize("serializer_class", ANSWERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_function_answers_what_the_declared_fields_would(serializer_class: Any, data: st.DataObject) -> None:
    answer_of, instances = ANSWERS[serializer_class]
    instance = data.draw(instances)
    serializer = serializer_class(instance)
    assert exactly(answer_of(instance)) == exactly(by_declared_fields(serializer, instance))
    assert serializer.data == answer_of(instance)


@given(wallet=wallets, derived=amounts)
def test_the_derived_balance_of_a_house_wallet_takes_the_place_of_the_stored_one(
    wallet: Wallet, derived: Decimal
) -> None:
    context = {"derived_balances": {wallet.pk: derived}}
    answers = [
        staff_wallet_answer(wallet, derived),
        StaffWalletSerializer(wallet, context=context).data,
    ]
    wallet.balance = derived
    for answer in answers:
        assert answer == staff_wallet_answer(wallet)
        assert parse_decimal(answer["balance"]) == derived


@given(wallet=wallets, balance=amounts, amount=amounts, moment=times)
def test_a_statement_has_the_members_that_are_declared(
    wallet: Wallet, balance: Decimal, amount: Decimal, moment: datetime
) -> None:
    line = StatementLine(1, -amount, balance, 7, "transfer", "a reference", 8, moment)
    period = Period(wallet, 0, 1, balance, balance)
    answer = statement_answer(period, [line], start=moment, end=None, next_page=None)
    assert list(answer) == list(StatementSerializer().fields)
    assert answer["from"] == answer["lines"][0]["created_at"]
    assert answer["to"] is None
    [listed] = answer["lines"]
    declared = by_declared_fields(StatementLineSerializer(), line)  # type: ignore[arg-type]  # a named tuple
    assert {name: parse_decimal(listed.pop(name)) for name in ("amount", "balance")} == {
        name: parse_decimal(declared.pop(name)) for name in ("amount", "balance")
    }
    assert listed == declared
