"""Adding and changing providers. Every worker sees a change after at most a few seconds, this one at once.

What staff do is noted in the provider's history, with what was and what is; never a secret.
"""

from collections.abc import Iterable

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError, TextField
from django.db.models.functions import Cast

from accounts.models import User
from payments.webhooks import provider_secrets
from payments.webhooks.encryption import decrypt
from payments.webhooks.models import Provider, WebhookEvent
from payments.webhooks.receiving.provider_cache import provider_cache
from staff.history import describe_changes, record

_SETTINGS = (
    *("slug", "scheme", "currency_id", "is_active", "requires_uuid", "max_amount"),
    *("signature_header", "signature_algorithm", "signature_encoding", "signature_prefix"),
    *("event_type_pointer", "credited_types", "transaction_id_pointer", "amount_pointer", "amount_unit"),
    *("currency_pointer", "user_pointer", "wallet_pointer"),
)


class ProviderInUse(Exception):
    """A provider that has sent notices stays, as they do. Switch it off instead."""


def check_secret(secret: str, *, scheme: str) -> None:
    """Refuse a new secret that can be guessed, or that is published. Raises ValidationError naming the field.

    Development mode takes the published ones: the demo's samples are signed with them.
    """
    allowed = provider_secrets.PUBLISHED.values() if settings.TILL_DEBUG else ()
    if problem := provider_secrets.problem_with(secret, scheme=scheme, allowed=allowed):
        raise ValidationError({"secret": problem})


def add_provider(*, provider: Provider, staff: User) -> None:
    """Insert a provider. Raises ValidationError naming the field."""
    provider.full_clean()
    check_secret(provider.secret, scheme=provider.scheme)
    with transaction.atomic():
        provider.save(force_insert=True)
        record(
            about=provider,
            staff=staff,
            text=f"Added: {describe_changes(Provider(is_active=False), provider, _SETTINGS)}.",
        )
        transaction.on_commit(provider_cache.invalidate)


def change_provider(*, provider: Provider, fields: Iterable[str], staff: User) -> None:
    """Write these fields, no others: secrets are changed by a rotation. Raises ValidationError naming the field.

    Another scheme may demand a longer secret. Locks the provider.
    """
    provider.full_clean()
    with transaction.atomic():
        before = _locked(provider.pk)
        if provider.scheme != before.scheme:
            check_secret(provider.secret, scheme=provider.scheme)
        _save(provider, set(fields) - {"secret", "previous_secret"})
        record(
            about=provider, staff=staff, text=f"Changed: {describe_changes(before, provider, _SETTINGS) or 'nothing'}."
        )


def rotate_secret(*, provider_id: int, secret: str, keep_old: bool, staff: User) -> None:
    """Make this the active secret. With `keep_old` the one before is accepted as well until `end_rotation`.

    Of an earlier rotation that never ended, the older secret ends now. Locks the provider. Raises ValidationError
    naming the field.
    """
    with transaction.atomic():
        provider = _locked(provider_id)
        provider.previous_secret = provider.secret if keep_old else ""
        provider.secret = secret
        provider.full_clean()
        check_secret(secret, scheme=provider.scheme)
        _save(provider, {"secret", "previous_secret"})
        other = "the one before is accepted as well until the rotation is ended" if keep_old else "it alone is accepted"
        record(about=provider, staff=staff, text=f"A new secret: {other}.")


def end_rotation(*, provider_id: int, staff: User) -> bool:
    """Accept only the active secret from now on; tell whether another one was accepted until now. Safe to repeat."""
    with transaction.atomic():
        provider = _locked(provider_id)
        rotating = bool(provider.previous_secret)
        provider.previous_secret = ""
        if rotating:
            _save(provider, {"previous_secret"})
            record(about=provider, staff=staff, text="Ended the rotation of the secret.")
    return rotating


def reencrypt_secrets() -> int:
    """Encrypt every secret anew with the first of TILL_ENCRYPTION_KEYS; return of how many providers.

    Safe to repeat. Locks the providers. What signs does not change, so no worker needs to look again. Raises
    Undecryptable, and then nothing was changed.
    """
    with transaction.atomic():
        tokens = {name: Cast(name, TextField()) for name in ("secret", "previous_secret")}
        rows = Provider.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", *tokens.values())
        for key, *texts in rows:
            secret, previous = (decrypt(text, settings.TILL_ENCRYPTION_KEYS) if text else "" for text in texts)
            # The field encrypts what it is given.
            Provider.objects.filter(pk=key).update(secret=secret, previous_secret=previous)
    return len(rows)


def has_events(*, provider_id: int) -> bool:
    return WebhookEvent.objects.filter(provider_id=provider_id).exists()


def remove_provider(*, provider_id: int, staff: User) -> None:
    """Delete a provider that never sent a notice. Raises ProviderInUse."""
    with transaction.atomic():
        provider = _locked(provider_id)
        if has_events(provider_id=provider_id):
            raise ProviderInUse(str(ProviderInUse.__doc__))
        record(about=provider, staff=staff, text="Deleted.")
        try:
            provider.delete()
        except ProtectedError as error:
            raise ProviderInUse(str(ProviderInUse.__doc__)) from error
        transaction.on_commit(provider_cache.invalidate)


def _locked(provider_id: int) -> Provider:
    return Provider.objects.select_for_update(no_key=True).get(pk=provider_id)


def _save(provider: Provider, fields: set[str]) -> None:
    """Save with a new `updated_at`, by which workers notice that their copy is out of date."""
    with transaction.atomic():
        provider.save(update_fields=[*sorted(fields), "updated_at"])
        transaction.on_commit(provider_cache.invalidate)
