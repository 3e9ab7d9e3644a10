"""Whether the books balance, by the newest check."""

from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from payments.models import LedgerCheck

CHECK_GROWS_OLD = timedelta(days=1)


class LedgerState(NamedTuple):
    level: str  # success, warning or error, as Django's messages are styled
    headline: str
    checked: LedgerCheck | None


def ledger_state() -> LedgerState:
    check = LedgerCheck.objects.first()
    if check is None:
        return LedgerState("warning", _("The books were never checked."), None)
    if check.differences:
        return LedgerState("error", does_not_balance(check), check)
    if timezone.now() - check.checked_at > CHECK_GROWS_OLD:
        return LedgerState("warning", _("The books balanced, but that was checked more than a day ago."), check)
    return LedgerState("success", _("The books balance."), check)


def does_not_balance(check: LedgerCheck) -> str:
    return ngettext(
        "The books do not balance: %(count)s difference.",
        "The books do not balance: %(count)s differences.",
        check.differences,
    ) % {"count": f"{check.differences:,}"}
