"""What a service may settle. Lists ask PostgreSQL (payments.orders.queries); a settlement is checked by its plan."""

from collections.abc import Sequence
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Role, User
from accounts.services import lock_user
from payments.ledger.services.currencies import active_currency
from payments.money import InvalidAmount, check_amount
from payments.orders.models import SettlementScope
from payments.orders.plans.requests import ProviderUnavailable
from payments.webhooks.models import Provider
from staff.history import record


class NotAService(Exception):
    """Only users with the role service have scopes."""

    field = "service"


class InvalidScope(Exception):
    """A scope names a currency, a provider, or both; or it is everything. A limit needs a currency."""

    def __init__(self, detail: str, *, field: str, code: str = "required") -> None:
        super().__init__(detail)
        self.field, self.code = field, code


@transaction.atomic
def add_scope(
    *,
    service_id: int,
    currency: str | None = None,
    provider: str | None = None,
    everything: bool = False,
    max_amount: Decimal | None = None,
    staff: User,
) -> SettlementScope:
    """Let a service settle orders of a currency, a provider, or both together, or everything. Safe to repeat.

    A scope that names something takes everything else away: the scope `everything`, which a service begins with, ends.
    `max_amount`, in the scope's currency, is the most that one order may be of; the same scope said again with another
    takes that one. Locks the user's row. Raises InvalidScope, InvalidAmount, UnknownUser, NotAService,
    CurrencyUnavailable or ProviderUnavailable.
    """
    _check_named(currency, provider, everything, max_amount)
    service = lock_user(service_id)
    if service.role != Role.SERVICE:
        raise NotAService
    money = active_currency(currency) if currency else None
    if money and max_amount is not None:
        _check_limit(max_amount, money.decimal_places)
    named = {"currency": money, "provider": _provider(provider), "everything": everything}
    scope, is_new = SettlementScope.objects.get_or_create(service=service, **named, defaults={"max_amount": max_amount})
    if not is_new and scope.max_amount != max_amount:
        scope.max_amount, is_new = max_amount, True
        scope.save(update_fields=["max_amount"])
    taken = not everything and SettlementScope.objects.filter(service=service, everything=True).delete()[0]
    if is_new or taken:
        no_longer = ", and no longer everything" if taken else ""
        record(about=service, staff=staff, text=f"May settle orders of: {scope}{no_longer}.")
    return scope


def give_first_scopes(users: Sequence[User]) -> None:
    """Let new services settle everything, by a scope that staff see, narrow and take away. Safe to repeat."""
    services = [user for user in users if user.role == Role.SERVICE]
    have = set(SettlementScope.objects.filter(service__in=services).values_list("service_id", flat=True))
    SettlementScope.objects.bulk_create(
        SettlementScope(service=service, everything=True) for service in services if service.pk not in have
    )


@transaction.atomic
def remove_scope(*, scope_id: int, staff: User) -> None:
    """Take a scope away; without any, the service settles nothing. Raises SettlementScope.DoesNotExist."""
    scope = SettlementScope.objects.select_for_update(of=("self",)).select_related("service").get(pk=scope_id)
    record(about=scope.service, staff=staff, text=f"Settles no longer by the scope: {scope}.")
    scope.delete()


def _check_named(currency: str | None, provider: str | None, everything: bool, max_amount: Decimal | None) -> None:
    if everything and (currency or provider):
        raise InvalidScope(_("Everything names no currency and no provider."), field="everything", code="invalid")
    if not (everything or currency or provider):
        raise InvalidScope(_("A currency, a provider, both, or everything."), field="currency")
    if max_amount is not None and not currency:
        raise InvalidScope(_("A limit is of one currency: name it."), field="currency")


def _check_limit(amount: Decimal, places: int) -> None:
    try:
        check_amount(amount, decimal_places=places, maximum=Decimal(settings.TILL_MAX_AMOUNT))
    except InvalidAmount as error:
        raise InvalidAmount(error.code, str(error), field="max_amount") from error


def _provider(slug: str | None) -> Provider | None:
    """An inactive one too: its pending orders may still have to be settled."""
    if slug is None:
        return None
    provider = Provider.objects.filter(slug=slug).first()
    if provider is None:
        raise ProviderUnavailable
    return provider
