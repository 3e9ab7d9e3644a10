"""Deposits, withdrawals and what they need, requested and settled through the API."""

from decimal import Decimal
from typing import Any

from accounts.models import User
from payments.commission import rules as commission_rules
from payments.models import CommissionRule, Deposit, ExternalWallet, Wallet, Withdrawal
from tests.support.rest import API, new_key, signed_in, succeeded


def post_order(user: Any, orders: str, wallet: Wallet | int, amount: Any, query: str = "", **body: Any) -> Any:
    """POST a deposit or a withdrawal."""
    data = {"wallet": getattr(wallet, "pk", wallet), "amount": amount, **body}
    return signed_in(user).post(f"{API}/{orders}{query}", data, headers=new_key())


def deposit(user: Any, wallet: Wallet | int, amount: Any = "100.00", **body: Any) -> dict[str, Any]:
    return succeeded(post_order(user, "deposits", wallet, amount, **body))


def withdraw(user: Any, wallet: Wallet, to: ExternalWallet, amount: Any = "100.00", **body: Any) -> dict[str, Any]:
    return succeeded(post_order(user, "withdrawals", wallet, amount, external_wallet=to.pk, **body))


def settle(user: Any, orders: str, order: dict[str, Any] | int, status: str = "paid", **body: Any) -> Any:
    order_id = order["id"] if isinstance(order, dict) else order
    return signed_in(user).put(f"{API}/{orders}/{order_id}/status", {"status": status, **body})


def make_rule(staff: User, operation: str = "deposit", currency: str = "USD", **terms: Any) -> CommissionRule:
    """In force from now on; texts are amounts."""
    given: dict[str, Any] = {name: Decimal(term) if isinstance(term, str) else term for name, term in terms.items()}
    return commission_rules.make_rule(operation=operation, currency=currency, staff=staff, **given)


def balance_and_held(wallet: Wallet) -> tuple[str, str]:
    """What the wallet holds, and what of it is held."""
    wallet.refresh_from_db()
    return f"{wallet.balance.normalize():f}", f"{wallet.held.normalize():f}"


def stored_deposit(order: dict[str, Any]) -> Deposit:
    return Deposit.objects.get(pk=order["id"])


def stored_withdrawal(order: dict[str, Any]) -> Withdrawal:
    return Withdrawal.objects.get(pk=order["id"])
