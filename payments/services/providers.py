"""Adding and changing providers. Every worker sees a change after at most a few seconds, this one at once."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import ProtectedError

from payments.models import Provider, WebhookEvent
from payments.services.webhooks.registry import registry


class ProviderInUse(Exception):
    """A provider that has sent notices stays, as they do. Switch it off instead."""


def add_provider(*, provider: Provider) -> None:
    """Insert a provider. Raises ValidationError naming the field."""
    provider.full_clean()
    with transaction.atomic():
        provider.save(force_insert=True)
        transaction.on_commit(registry.forget)


def change_provider(*, provider: Provider, fields: Iterable[str]) -> None:
    """Write these fields, no others: secrets are changed by a rotation. Raises ValidationError naming the field."""
    provider.full_clean()
    _save(provider, set(fields) - {"secret", "previous_secret"})


def rotate_secret(*, provider_id: int, secret: str, keep_old: bool) -> None:
    """Make this the active secret. With `keep_old` the one before is accepted as well until `end_rotation`.

    Of an earlier rotation that never ended, the older secret ends now. Raises ValidationError naming the field.
    """
    with transaction.atomic():
        provider = _locked(provider_id)
        provider.previous_secret = provider.secret if keep_old else ""
        provider.secret = secret
        provider.full_clean()
        _save(provider, {"secret", "previous_secret"})


def end_rotation(*, provider_id: int) -> bool:
    """Accept only the active secret from now on; tell whether another one was accepted until now. Safe to repeat."""
    with transaction.atomic():
        provider = _locked(provider_id)
        rotating = bool(provider.previous_secret)
        provider.previous_secret = ""
        if rotating:
            _save(provider, {"previous_secret"})
    return rotating


def has_events(*, provider_id: int) -> bool:
    return WebhookEvent.objects.filter(provider_id=provider_id).exists()


def remove_provider(*, provider_id: int) -> None:
    """Delete a provider that never sent a notice. Raises ProviderInUse."""
    with transaction.atomic():
        provider = _locked(provider_id)
        if has_events(provider_id=provider_id):
            raise ProviderInUse(str(ProviderInUse.__doc__))
        try:
            provider.delete()
        except ProtectedError as error:
            raise ProviderInUse(str(ProviderInUse.__doc__)) from error
        transaction.on_commit(registry.forget)


def _locked(provider_id: int) -> Provider:
    return Provider.objects.select_for_update(no_key=True).get(pk=provider_id)


def _save(provider: Provider, fields: set[str]) -> None:
    """Save with a new `updated_at`, by which workers notice that their copy is out of date."""
    with transaction.atomic():
        provider.save(update_fields=[*sorted(fields), "updated_at"])
        transaction.on_commit(registry.forget)
