"""What staff do to commission rules. Once made, a rule can only be ended: orders refer to it.

PostgreSQL refuses two rules of one operation and currency at one time. The currency's row is locked first. So
two who make rules at the same moment come one after the other, and nobody else waits for them.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from api.decimals import format_amount
from api.versions import refuse_stale, row_version
from payments.commission.models import CommissionRule
from payments.ledger.models import Currency
from payments.ledger.services.currencies import CurrencyUnavailable
from payments.money import DECIMAL_PLACES, InvalidAmount, check_amount
from staff.history import record

#: Clocks differ: a moment that passed no longer ago than this means now.
GRACE = timedelta(minutes=1)
OVERLAP = "commission_rule_overlap"


class InvalidPeriod(Exception):
    """A rule begins and ends in the future, and begins before it ends."""

    def __init__(self, detail: str, *, field: str) -> None:
        super().__init__(detail)
        self.field = field


class RuleOverlap(Exception):
    """Another rule of this operation and currency is in force at that time: end it first."""

    def __init__(self, rule: CommissionRule | None) -> None:
        super().__init__(_("Rule %(id)s is in force at that time.") % {"id": rule.pk} if rule else "")
        self.extra = {"rule": rule.pk if rule else None}


class RuleEnded(Exception):
    """The rule has ended; what it was for in the past does not change."""


class RuleInUse(Exception):
    """Orders were made under this rule: end it instead."""


@transaction.atomic
def make_rule(
    *,
    operation: str,
    currency: str,
    percent: Decimal = Decimal(0),
    fixed: Decimal = Decimal(0),
    minimum: Decimal = Decimal(0),
    maximum: Decimal | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    staff: User,
) -> CommissionRule:
    """Make a rule, in force from now or a later moment on. Nothing is rounded. Not idempotent.

    Locks the currency. Raises CurrencyUnavailable (there is none), InvalidAmount, InvalidPeriod or RuleOverlap.
    """
    rule = CommissionRule(
        operation=operation, currency=_locked_currency(currency), percent=percent, fixed=fixed, minimum=minimum,
        maximum=maximum, valid_from=_begin(valid_from), valid_until=valid_until,
    )  # fmt: skip
    _check_terms(rule)
    _check_period(rule)
    with _no_overlap(rule):
        rule.save(force_insert=True)
    record(about=rule, staff=staff, text="Made.")
    return rule


def rule_version(rule: CommissionRule) -> str:
    terms = ("operation", "currency_id", "percent", "fixed", "minimum", "maximum")
    return row_version(rule, *terms, "valid_from", "valid_until")


@transaction.atomic
def end_rule(
    *,
    rule_id: int,
    valid_until: datetime | None,
    staff: User,
    reason: str = "",
    if_version: Collection[str] | None = None,
) -> CommissionRule:
    """Set when a rule ends (None: not at all), never in the past. Safe to repeat.

    Locks the currency, then the rule. Raises CommissionRule.DoesNotExist, StaleVersion when the version is none of
    `if_version`, RuleEnded, InvalidPeriod or RuleOverlap.
    """
    rule = _locked_rule(rule_id)
    refuse_stale(rule_version(rule), if_version)
    if rule.valid_until == valid_until:
        return rule
    now = timezone.now()
    if rule.valid_until is not None and rule.valid_until <= now:
        raise RuleEnded
    if valid_until is not None and rule.valid_from <= now:
        valid_until = _now_at_least(valid_until, now, field="valid_until")
    rule.valid_until = valid_until
    _check_period(rule)
    with _no_overlap(rule):
        rule.save(update_fields=["valid_until"])
    end = f"Ends {valid_until:%Y-%m-%d %H:%M:%S %Z}." if valid_until else "Has no end."
    record(about=rule, staff=staff, text=end + _why(reason))
    return rule


@transaction.atomic
def delete_rule(*, rule_id: int, staff: User, reason: str = "", if_version: Collection[str] | None = None) -> None:
    """Delete a rule to which nothing refers. Raises CommissionRule.DoesNotExist, StaleVersion or RuleInUse.

    Locks the rule, which waits for orders that are being made under it.
    """
    rule = CommissionRule.objects.select_for_update().get(pk=rule_id)
    refuse_stale(rule_version(rule), if_version)
    record(about=rule, staff=staff, text=f"Deleted.{_why(reason)}")
    try:
        rule.delete()
    except ProtectedError:
        raise RuleInUse from None


def _why(reason: str) -> str:
    return f" Reason: {reason}" if reason else ""


def _locked_currency(code: str) -> Currency:
    currency = Currency.objects.select_for_update(no_key=True).filter(pk=code).first()
    if currency is None:
        raise CurrencyUnavailable(_("There is no currency %(code)s.") % {"code": code})
    return currency


def _locked_rule(rule_id: int) -> CommissionRule:
    """A rule keeps its currency, so it may be read before the lock."""
    currency = CommissionRule.objects.values_list("currency_id", flat=True).get(pk=rule_id)
    Currency.objects.select_for_update(no_key=True).get(pk=currency)
    rules = CommissionRule.objects.select_related("currency")
    return rules.select_for_update(no_key=True, of=("self",)).get(pk=rule_id)


def _check_terms(rule: CommissionRule) -> None:
    if not 0 <= rule.percent <= 100:
        raise InvalidAmount("percent_out_of_range", _("From 0 to 100 percent."), field="percent")
    if rule.percent != round(rule.percent, DECIMAL_PLACES):
        raise InvalidAmount(
            "too_many_decimals",
            _("At most %(count)s decimals.") % {"count": DECIMAL_PLACES},
            field="percent",
        )
    for field in ("fixed", "minimum", "maximum"):
        _check_amount(getattr(rule, field), rule.currency.decimal_places, field)
    if rule.maximum is not None and rule.maximum < rule.minimum:
        least = format_amount(rule.minimum, rule.currency.decimal_places)
        raise InvalidAmount(
            "maximum_below_minimum", _("Not less than the minimum, %(least)s.") % {"least": least}, field="maximum"
        )


def _check_amount(amount: Decimal | None, decimal_places: int, field: str) -> None:
    if not amount:
        return
    try:
        check_amount(amount, decimal_places=decimal_places, maximum=Decimal(settings.TILL_MAX_AMOUNT))
    except InvalidAmount as error:
        raise InvalidAmount(error.code, str(error), field=field) from error


def _begin(valid_from: datetime | None) -> datetime:
    now = timezone.now()
    return now if valid_from is None else _now_at_least(valid_from, now, field="valid_from")


def _now_at_least(moment: datetime, now: datetime, *, field: str) -> datetime:
    if moment < now - GRACE:
        raise InvalidPeriod(_("That is past: orders were made under what held then."), field=field)
    return max(moment, now)


def _check_period(rule: CommissionRule) -> None:
    if rule.valid_until is not None and rule.valid_until <= rule.valid_from:
        raise InvalidPeriod(_("A rule ends after it has begun."), field="valid_until")


@contextmanager
def _no_overlap(rule: CommissionRule) -> Iterator[None]:
    """Let PostgreSQL judge, and name the rule that is in the way."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if OVERLAP not in str(error):
            raise
        raise RuleOverlap(_in_the_way(rule)) from None


def _in_the_way(rule: CommissionRule) -> CommissionRule | None:
    ends_later = Q(valid_until__isnull=True) | Q(valid_until__gt=rule.valid_from)
    others = CommissionRule.objects.exclude(pk=rule.pk).filter(
        ends_later, operation=rule.operation, currency=rule.currency
    )
    if rule.valid_until is not None:
        others = others.filter(valid_from__lt=rule.valid_until)
    return others.order_by("valid_from").first()
