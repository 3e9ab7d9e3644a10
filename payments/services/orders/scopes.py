"""What a service may settle. Lists ask PostgreSQL (payments.queries.orders); a verdict is checked here."""

from django.db import transaction

from accounts.models import Role, User
from accounts.services import lock_user
from payments.models import Order, Provider, SettlementScope
from payments.services.currencies import active_currency
from payments.services.orders.making import ProviderUnavailable
from payments.services.staff import note


class NotAService(Exception):
    """Only users with the role service have scopes."""

    field = "service"


def covers(user: User, order: Order) -> bool:
    """Tell whether the user may settle the order: an admin any, a service those of its scopes, or any without one."""
    if user.role != Role.SERVICE:
        return user.role == Role.ADMIN
    scopes = SettlementScope.objects.filter(service=user).values_list("currency_id", "provider_id")
    return not scopes or any(
        currency in (None, order.currency_id) and provider in (None, order.provider_id) for currency, provider in scopes
    )


@transaction.atomic
def add_scope(
    *, service_id: int, currency: str | None = None, provider: str | None = None, staff: User
) -> SettlementScope:
    """Let a service settle orders of a currency, a provider, or both together. Safe to repeat.

    The first scope takes all else away from it. Locks the user's row. Raises UnknownUser, NotAService,
    CurrencyUnavailable or ProviderUnavailable.
    """
    service = lock_user(service_id)
    if service.role != Role.SERVICE:
        raise NotAService
    scope, is_new = SettlementScope.objects.get_or_create(
        service=service, currency=active_currency(currency) if currency else None, provider=_provider(provider)
    )
    if is_new:
        note(about=service, staff=staff, text=f"May settle orders of: {scope}.")
    return scope


@transaction.atomic
def remove_scope(*, scope_id: int, staff: User) -> None:
    """Take a scope away; without any, the service settles everything. Raises SettlementScope.DoesNotExist."""
    scope = SettlementScope.objects.select_for_update(of=("self",)).select_related("service").get(pk=scope_id)
    note(about=scope.service, staff=staff, text=f"Settles no longer by the scope: {scope}.")
    scope.delete()


def _provider(slug: str | None) -> Provider | None:
    """An inactive one too: its pending orders may still have to be settled."""
    if slug is None:
        return None
    provider = Provider.objects.filter(slug=slug).first()
    if provider is None:
        raise ProviderUnavailable
    return provider
