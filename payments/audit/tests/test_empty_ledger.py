"""check_ledger where there is nothing yet."""

import pytest
from django.core.management import CommandError, call_command

from payments.audit import audit
from payments.models import Wallet


@pytest.mark.parametrize("limit", [0, -3])
def test_the_command_refuses_to_name_nothing(db: None, limit: int) -> None:
    with pytest.raises(CommandError, match="--limit must be at least 1"):
        call_command("check_ledger", limit=limit)


def test_check_ledger_is_silent_on_an_empty_ledger(db: None) -> None:
    report = audit()
    assert report.is_sound
    assert report.checked["wallets"] == Wallet.objects.count()
