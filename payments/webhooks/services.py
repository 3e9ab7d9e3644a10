"""Adding and changing providers. Every worker sees a change after at most a few seconds, this one at once.

What staff do is noted in the provider's history, with what was and what is; never a secret.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from accounts import security_log
from accounts.models import User
from accounts.security_log import SecurityEvent
from api.encryption import decrypt
from api.refusals import spoken
from api.versions import refuse_stale, row_version
from payments.webhooks import provider_secrets
from payments.webhooks.models import Provider, WebhookEvent
from payments.webhooks.presets import PRESETS
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
        raise ValidationError({"secret": spoken(problem)})


def provider_version(provider: Provider) -> str:
    """Return the version of a provider. A new secret makes another one."""
    return row_version(provider, *_SETTINGS, "secret", "previous_secret")


def new_provider(*, fields: Mapping[str, Any], secret: str, preset: str = "", staff: User) -> Provider:
    """Add a provider. Its fields replace those of the preset. Raises ValidationError naming the field."""
    begun = PRESETS[preset].values if preset else {}
    provider = Provider(secret=secret, **{**begun, **fields})
    add_provider(provider=provider, staff=staff)
    return provider


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
        security_log.record_after_commit(SecurityEvent.PROVIDER_ADDED, provider=provider.pk)
        transaction.on_commit(provider_cache.invalidate)


@transaction.atomic
def amend_provider(
    *,
    provider_id: int,
    fields: Mapping[str, Any],
    secret: str = "",
    keep_old: bool | None = None,
    if_version: Collection[str] | None = None,
    staff: User,
) -> Provider:
    """Change what is given, and begin a rotation if a secret is. The same fields again change nothing.

    Locks the provider. Raises Provider.DoesNotExist, StaleVersion when the version is none of `if_version`, or
    ValidationError naming the field.
    """
    provider = _locked(provider_id)
    refuse_stale(provider_version(provider), if_version)
    if keep_old is not None and not secret:
        raise ValidationError({"keep_old": _("This goes with a new secret.")})
    changed = [name for name, value in fields.items() if getattr(provider, name) != value]
    is_old_kept = bool(secret) and keep_old is not False
    if "scheme" in changed and (errors := errors_of_new_scheme(provider, is_old_kept=is_old_kept)):
        raise ValidationError(errors)
    for name in changed:
        setattr(provider, name, fields[name])
    if secret:
        provider.secret = secret  # judged together with the fields, and written by the rotation
    if changed:
        change_provider(provider=provider, fields=changed, staff=staff)
    if secret:
        rotate_secret(provider_id=provider_id, secret=secret, keep_old=is_old_kept, staff=staff)
    return Provider.objects.select_related("currency").get(pk=provider_id)


def errors_of_new_scheme(provider: Provider, *, is_old_kept: bool) -> dict[str, str]:
    """Say what stands in the way of another scheme, by field: two accepted secrets are of one scheme."""
    errors = {}
    if is_old_kept:
        errors["keep_old"] = _("The present secret belongs to the present scheme.")
    if provider.previous_secret:
        errors["scheme"] = _("End the rotation of the secret before you change the scheme.")
    return errors


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
        security_log.record_after_commit(SecurityEvent.PROVIDER_CHANGED, provider=provider.pk)


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
        security_log.record_after_commit(SecurityEvent.PROVIDER_SECRET_CHANGED, provider=provider_id)


def end_rotation(*, provider_id: int, staff: User, if_version: Collection[str] | None = None) -> bool:
    """Accept only the active secret from now on; tell whether another one was accepted until now. Safe to repeat.

    Raises Provider.DoesNotExist or StaleVersion.
    """
    with transaction.atomic():
        provider = _locked(provider_id)
        refuse_stale(provider_version(provider), if_version)
        rotating = bool(provider.previous_secret)
        provider.previous_secret = ""
        if rotating:
            _save(provider, {"previous_secret"})
            record(about=provider, staff=staff, text="Ended the rotation of the secret.")
            security_log.record_after_commit(SecurityEvent.PROVIDER_SECRET_CHANGED, provider=provider_id)
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


def remove_provider(*, provider_id: int, staff: User, if_version: Collection[str] | None = None) -> None:
    """Delete a provider that never sent a notice. Raises Provider.DoesNotExist, StaleVersion or ProviderInUse."""
    with transaction.atomic():
        provider = _locked(provider_id)
        refuse_stale(provider_version(provider), if_version)
        if has_events(provider_id=provider_id):
            raise ProviderInUse(str(ProviderInUse.__doc__))
        record(about=provider, staff=staff, text="Deleted.")
        try:
            provider.delete()
        except ProtectedError as error:
            raise ProviderInUse(str(ProviderInUse.__doc__)) from error
        security_log.record_after_commit(SecurityEvent.PROVIDER_DELETED, provider=provider_id)
        transaction.on_commit(provider_cache.invalidate)


def _locked(provider_id: int) -> Provider:
    return Provider.objects.select_for_update(no_key=True).get(pk=provider_id)


def _save(provider: Provider, fields: set[str]) -> None:
    """Save with a new `updated_at`, by which workers notice that their copy is out of date."""
    with transaction.atomic():
        provider.save(update_fields=[*sorted(fields), "updated_at"])
        transaction.on_commit(provider_cache.invalidate)
