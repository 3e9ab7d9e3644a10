"""manage.py seed_commission: what the demo charges."""

import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from payments.models import CommissionRule
from payments.orders import services
from tests.support.ledger import wallet_with


def seed() -> str:
    out = io.StringIO()
    call_command("seed_commission", stdout=out)
    return out.getvalue()


def test_the_demo_charges_one_percent_of_deposits_and_withdrawals(alice: Any) -> None:
    """A rule that staff ended or changed stays as they left it."""
    assert "10 commission rules" in seed()
    assert "0 commission rules" in seed()
    assert set(CommissionRule.objects.values_list("operation", "percent")) == {("deposit", 1), ("withdrawal", 1)}
    wallet = wallet_with(alice, "USD", "1")
    deposit = services.request_deposit(user_id=alice.pk, wallet_id=wallet.pk, amount=Decimal("100.00"))
    assert deposit.commission == 1


def test_a_real_till_has_no_use_for_it(db: None, settings: Any) -> None:
    settings.TILL_DEBUG = False
    with pytest.raises(CommandError, match="only with TILL_DEBUG=1"):
        seed()
    assert not CommissionRule.objects.exists()
