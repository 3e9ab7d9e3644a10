"""Users with what they hold, for staff and for themselves."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import cast

from django.db import connection, transaction
from django.db.models import Q, QuerySet, Value
from django_filters import rest_framework as filters

from accounts.models import Role, User, folded_ascii
from accounts.validators import EMAIL_MAX_LENGTH, FULL_NAME_MAX_LENGTH
from api.filters import FilterSet
from payments.ledger.models import Transaction, Wallet
from payments.ledger.queries import transactions
from payments.ledger.queries.history import Span

#: Providers may open any number of wallets; `GET wallets` has them all.
MAX_WALLETS = 100
NEWEST_TRANSACTIONS = 20

# Ordered by owner, so that PostgreSQL reads the index on it, whatever the planner expects of an owner.
# Ordered by id, it might read all of a million wallets to find the first.
_SOME_WALLETS = """
SELECT wallet.id FROM unnest(%s::bigint[]) AS owner (id)
CROSS JOIN LATERAL (
    SELECT id FROM payments_wallet WHERE owner_id BETWEEN owner.id AND owner.id ORDER BY owner_id LIMIT %s
) AS wallet
"""


class UserFilters(FilterSet):
    role = filters.ChoiceFilter(choices=Role.choices, label="Only users with this role.")
    is_active = filters.ChoiceFilter(
        choices=[("true", "may act"), ("false", "may not")],
        method="active",
        label="Only users who may act, or who are disabled or wait for activation.",
    )
    search = filters.CharFilter(
        method="with_text",
        max_length=FULL_NAME_MAX_LENGTH,
        label="Only users whose email or full name holds this text, whatever the case.",
    )
    email = filters.CharFilter(
        method="with_email", max_length=EMAIL_MAX_LENGTH, label="Only the user with this email, whatever its case."
    )

    def active(self, queryset: QuerySet[User], name: str, value: str) -> QuerySet[User]:  # noqa: ARG002
        return queryset.filter(is_active=value == "true")

    def with_text(self, queryset: QuerySet[User], name: str, value: str) -> QuerySet[User]:  # noqa: ARG002
        return queryset.filter(holding(value))

    def with_email(self, queryset: QuerySet[User], name: str, value: str) -> QuerySet[User]:  # noqa: ARG002
        return queryset.alias(email_lower=folded_ascii("email")).filter(email_lower=folded_ascii(Value(value)))


def holding(text: str) -> Q:
    """Users whose email or name holds the text; no character has a special meaning.

    PostgreSQL folds ASCII (in names as its locale has it), Python here the rest, as names are written: lower, upper or
    title case.
    """
    condition = Q(email__icontains=text) | Q(full_name__icontains=text)
    if not text.isascii():
        for spelt in {text.lower(), text.upper(), text.title()}:
            condition |= Q(full_name__icontains=spelt)
    return condition


def wallets_of(user_ids: Collection[int]) -> dict[int, list[Wallet]]:
    """Return the wallets of each user by id, at most MAX_WALLETS of them, in two queries however many users."""
    with connection.cursor() as cursor:
        cursor.execute(_SOME_WALLETS, [list(user_ids), MAX_WALLETS])
        wallet_ids = [row[0] for row in cursor.fetchall()]
    wallets: defaultdict[int, list[Wallet]] = defaultdict(list)
    if wallet_ids:
        for wallet in Wallet.objects.filter(pk__in=wallet_ids).select_related("currency").order_by("pk"):
            wallets[cast("int", wallet.owner_id)].append(wallet)
    return wallets


@contextmanager
def one_moment() -> Iterator[None]:
    """Let everything that is read inside be of one moment; inside an atomic block, it is as that block sees it."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def own_wallets(user: User) -> list[Wallet]:
    """Return some of the user's own wallets, as `GET wallets` begins; services have none."""
    return [] if user.role == Role.SERVICE else wallets_of([user.pk]).get(user.pk, [])


def newest_transactions(user: User) -> QuerySet[Transaction]:
    """Return the newest of what touched the user's own wallets, for an admin too; services have none."""
    selection = transactions.TransactionCriteria(user=user.pk)
    page = transactions.page(user, selection, Span(limit=NEWEST_TRANSACTIONS))
    return page.order_by("-pk")[:NEWEST_TRANSACTIONS]
