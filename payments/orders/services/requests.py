"""Requests for money to come in or to go out. The commission is decided here and never changes."""

from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.services import lock_user
from payments.commission import charging
from payments.commission.models import Operation
from payments.ledger import booking
from payments.ledger.models import Currency, Wallet
from payments.ledger.services.currencies import active_currency, known_currency
from payments.ledger.services.wallets import lock_owned
from payments.money import check_amount
from payments.operations.plan import carry_out
from payments.orders.models import Deposit, Order, OrderStatus, Withdrawal
from payments.orders.plans.requests import DepositRequest, ProviderUnavailable, TooManyPendingOrders
from payments.orders.services.external_wallets import lock_external_wallet
from payments.webhooks.models import Provider


def request_deposit(*, user_id: int, wallet_id: int, amount: Decimal, provider: str | None = None) -> Deposit:
    """Note that money shall come into a wallet of the user's own; nothing moves. Not idempotent.

    Locks the user, to count, then the wallet, so that it stays. Raises what `DepositRequest.decide` raises.
    """
    return carry_out(DepositRequest(user_id=user_id, wallet_id=wallet_id, amount=amount, provider=provider))


@transaction.atomic
def request_withdrawal(
    *, user_id: int, wallet_id: int, external_wallet_id: int, amount: Decimal, provider: str | None = None
) -> Withdrawal:
    """Reserve money of a wallet of the user's own, to go to one of their external wallets. Not idempotent.

    Locks the user, the external wallet, then the wallet. Raises ExternalWallet.DoesNotExist, InsufficientFunds, and
    what request_deposit raises.
    """
    _check_pending(user_id)
    external = lock_external_wallet(external_wallet_id=external_wallet_id, owner_id=user_id)
    withdrawal = Withdrawal(user_id=user_id, wallet_id=wallet_id, external_wallet=external)
    _decide(withdrawal, Operation.WITHDRAWAL, amount=amount, provider=provider)
    if withdrawal.currency_id != external.currency_id:
        raise booking.CurrencyMismatch(f"The external wallet is for {external.currency_id}.", field="external_wallet")
    lock_owned(wallet=wallet_id, owner_id=user_id).hold(wallet_id, amount)
    withdrawal.save(force_insert=True)
    return withdrawal


def _check_pending(user_id: int) -> None:
    """Count under the lock of the user's row, so that two requests at one moment cannot pass the limit together."""
    lock_user(user_id)
    most = settings.TILL_PENDING_ORDERS
    pending = [kind._default_manager.filter(user=user_id, status=OrderStatus.PENDING) for kind in (Deposit, Withdrawal)]
    if sum(orders.values("pk")[:most].count() for orders in pending) >= most:
        raise TooManyPendingOrders


def _decide(order: Order, operation: Operation, *, amount: Decimal, provider: str | None) -> None:
    """Set what the two kinds of order share, by the commission rule in force at this moment."""
    # Money in a currency that is out of use may still leave.
    find = active_currency if operation == Operation.DEPOSIT else known_currency
    currency = find(_currency_of(order))
    check_amount(amount, decimal_places=currency.decimal_places, maximum=Decimal(settings.TILL_MAX_AMOUNT))
    order.currency, order.amount = currency, amount
    order.provider = _provider(provider, currency) if provider else None
    order.created_at = timezone.now()
    charge = charging.charge(operation=operation, currency=currency, amount=amount, at=order.created_at)
    order.commission, order.rule = charge.amount, charge.rule


def _currency_of(order: Order) -> str:
    """Return the currency of the wallet, which has to be the user's own. Raises WalletNotFound."""
    wallets = Wallet.objects.filter(pk=order.wallet_id, owner_id=order.user_id)
    currency = wallets.values_list("currency_id", flat=True).first()
    if currency is None:
        raise booking.WalletNotFound(field="wallet")
    return currency


def _provider(slug: str, currency: Currency) -> Provider:
    provider = Provider.objects.filter(slug=slug, is_active=True).first()
    if provider is None:
        raise ProviderUnavailable
    if provider.currency_id != currency.pk:
        raise booking.CurrencyMismatch(f"The provider's currency is {provider.currency_id}.", field="provider")
    return provider
