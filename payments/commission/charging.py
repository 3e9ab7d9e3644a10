"""Which commission rule is in force, and what it charges."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from payments.commission.arithmetic import FREE
from payments.commission.models import CommissionRule, Operation
from payments.ledger.models import Currency


@dataclass(frozen=True, slots=True)
class Charge:
    """`amount` fits the currency's decimals and is never more than what it was taken of."""

    amount: Decimal
    rule: CommissionRule | None


def charge(*, operation: Operation, currency: Currency, amount: Decimal, at: datetime | None = None) -> Charge:
    """Return the commission on an amount by the rule in force at a moment (default: now); nothing without a rule.

    Locks the rule against deletion until the atomic block is committed, because what is charged will refer to it.
    """
    at = at or timezone.now()
    rule = rule_in_force(operation=operation, currency=currency.pk, at=at)
    while rule and not _keep(rule):
        rule = rule_in_force(operation=operation, currency=currency.pk, at=at)
    terms = rule.terms if rule else FREE
    return Charge(terms.of(amount, decimal_places=currency.decimal_places), rule)


def rule_in_force(*, operation: Operation, currency: str, at: datetime) -> CommissionRule | None:
    """Return the one rule; two cannot overlap."""
    ends_later = Q(valid_until__isnull=True) | Q(valid_until__gt=at)
    return CommissionRule.objects.filter(
        ends_later, operation=operation, currency_id=currency, valid_from__lte=at
    ).first()


def _keep(rule: CommissionRule) -> bool:
    """Take the lock that the foreign key would take at commit; False when the rule is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM payments_commissionrule WHERE id = %s FOR KEY SHARE", [rule.pk])
        return bool(cursor.rowcount)
