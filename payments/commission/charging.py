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
from postgres.model_rows import microseconds_of
from postgres.parameters import BIGINT, TEXT
from postgres.pipeline_connection import Rows
from postgres.questions import LockOrder, Question, QuestionBatch


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


# A rule that is deleted meanwhile has charged nobody since, so it is left out. One that replaces it begins later.
_RULE = Question(
    """
SELECT asked.n, rule.id, rule.percent, rule.fixed, rule.minimum, rule.maximum
FROM {rows} AS asked (n, wallet_id, operation, time)
JOIN payments_wallet wallet ON wallet.id = asked.wallet_id
JOIN payments_commissionrule rule ON rule.operation = asked.operation AND rule.currency_id = wallet.currency_id
    AND rule.valid_from <= timestamptz 'epoch' + asked.time * interval '1 microsecond'
    AND (rule.valid_until IS NULL OR rule.valid_until > timestamptz 'epoch' + asked.time * interval '1 microsecond')
ORDER BY rule.id FOR KEY SHARE OF rule
""",
    *(BIGINT, TEXT, BIGINT),
    order=LockOrder.RULES,
)


def ask_rule(questions: QuestionBatch, *, operation: Operation, wallet_id: int, at: datetime) -> Rows:
    """Ask for the rule in force for an operation in a wallet's currency, and keep it from being deleted."""
    return questions.ask(_RULE, wallet_id, operation.value, microseconds_of(at))


def charge_by(rule_rows: Rows, *, currency: Currency, amount: Decimal) -> Charge:
    """Return the commission on an amount by the answer to `ask_rule`; nothing without a rule."""
    rule = None
    if rule_rows:
        id_, percent, fixed, minimum, maximum = rule_rows[0]
        rule = CommissionRule(pk=id_, percent=percent, fixed=fixed, minimum=minimum, maximum=maximum)
    terms = rule.terms if rule else FREE
    return Charge(terms.of(amount, decimal_places=currency.decimal_places), rule)
