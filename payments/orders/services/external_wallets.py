"""Where withdrawals go: adding accounts elsewhere, and taking them away.

Lock order: the owner, to count; or the external wallet's row, before any wallet's (withdrawals take it too).
"""

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import lock_user
from api.refusals import line_of
from payments.ledger.services.currencies import known_currency
from payments.orders.external_details import checked_details, refuse_card_number
from payments.orders.models import ExternalWallet, OrderStatus, Withdrawal

MAX_EXTERNAL_WALLETS = 100


class TooManyExternalWallets(Exception):
    """Delete an external wallet that is no longer used first."""


class ExternalWalletInUse(Exception):
    """A pending withdrawal goes there: it has to be settled first."""


@transaction.atomic
def add_external_wallet(
    *, owner_id: int, label: str, currency: str, kind: str, details: Mapping[str, str] | str
) -> ExternalWallet:
    """Keep an account elsewhere, for withdrawals. Not idempotent: the same one may stand there twice.

    Locks the owner's row. Raises CurrencyUnavailable, InvalidDetails, CardNumberRefused, TooManyExternalWallets.
    """
    refuse_card_number(label, field="label")
    checked = checked_details(kind, details)
    known_currency(currency)
    lock_user(owner_id)
    if ExternalWallet.objects.filter(owner_id=owner_id, deleted_at__isnull=True).count() >= MAX_EXTERNAL_WALLETS:
        raise TooManyExternalWallets(
            f"{_('There are %(count)s already.') % {'count': MAX_EXTERNAL_WALLETS}} {line_of(TooManyExternalWallets)}"
        )
    return ExternalWallet.objects.create(
        owner_id=owner_id, label=label, currency_id=currency, kind=kind, details=checked
    )


@transaction.atomic
def delete_external_wallet(*, external_wallet_id: int, owner_id: int) -> None:
    """Hide it for ever; its row stays for the withdrawals that went there.

    Locks its row, so that no withdrawal comes in between. Raises ExternalWallet.DoesNotExist (also the second time)
    or ExternalWalletInUse.
    """
    external = lock_external_wallet(external_wallet_id=external_wallet_id, owner_id=owner_id)
    if external.withdrawals.filter(status=OrderStatus.PENDING).exists():
        raise ExternalWalletInUse
    external.deleted_at = timezone.now()
    external.save(update_fields=["deleted_at"])


def lock_external_wallet(*, external_wallet_id: int, owner_id: int) -> ExternalWallet:
    """Lock a user's own that is not deleted, until the atomic block ends. Raises ExternalWallet.DoesNotExist."""
    rows = ExternalWallet.objects.select_for_update(no_key=True)
    return rows.get(pk=external_wallet_id, owner_id=owner_id, deleted_at__isnull=True)


def lock_external_wallets_of(owner_ids: Iterable[int]) -> None:
    """Lock all external wallets of these owners, ascending; before any wallet's row."""
    owned = ExternalWallet.objects.filter(owner_id__in=set(owner_ids)).order_by("pk")
    list(owned.select_for_update(no_key=True).values_list("pk", flat=True))


def forget_if_deleted(owner_ids: Iterable[int]) -> None:
    """Scrub what was kept for a pending withdrawal only, of those who are deleted as of now."""
    for owner in User.objects.filter(pk__in=set(owner_ids)).order_by("pk"):
        if owner.is_deleted:
            forget_external_wallets(owner_id=owner.pk)


@transaction.atomic
def forget_external_wallets(*, owner_id: int) -> None:
    """Scrub what is kept about a user's accounts elsewhere, but where a pending withdrawal goes. Safe to repeat."""
    owned = ExternalWallet.objects.filter(owner_id=owner_id)
    ids = list(owned.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    awaited = Withdrawal.objects.filter(external_wallet__in=ids, status=OrderStatus.PENDING).values("external_wallet")
    owned.exclude(pk__in=awaited).update(label="deleted", details={}, deleted_at=Coalesce("deleted_at", Now()))
