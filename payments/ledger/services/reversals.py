"""Reversals: the opposite of a booked transaction, once, with a reason."""

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from payments.ledger import booking, shortfall
from payments.ledger.models import Currency, Reversal, Transaction, Wallet
from payments.money import EXACT
from staff.history import record
from staff.separation_of_duties import OwnOrder, refuse_own


class AlreadyReversed(Exception):
    """The transaction was reversed before."""


class NotReversible(Exception):
    """A purchase is refunded, not reversed; what took something back stays."""


REVERSIBLE = frozenset(Transaction.Kind) - {
    Transaction.Kind.PURCHASE,
    Transaction.Kind.REFUND,
    Transaction.Kind.REVERSAL,
}


@transaction.atomic
def reverse(*, transaction_id: int, reason: str, staff: User) -> Reversal:
    """Book the opposite of a transaction: every posting the other way round, the last one first.

    Locks the transaction, then the wallets. Of several at once one wins. Without the money it is refused, unless the
    wallet may be overdrawn. The order that the transaction settled keeps its status: the transaction names its
    reversal. Raises Transaction.DoesNotExist, OwnOrder when a wallet of staff's own is concerned, NotReversible,
    AlreadyReversed, and the ledger's InsufficientFunds and BalanceTooLarge.
    """
    original = Transaction.objects.select_for_update(no_key=True).get(pk=transaction_id)
    _refuse_own_transaction(original, staff)
    if original.kind not in REVERSIBLE:
        raise NotReversible
    if Reversal.objects.filter(original=original).exists():
        raise AlreadyReversed
    reversal = Reversal(original=original, reason=reason, staff=staff)
    reversal.transaction_id = _book_opposite(original)
    reversal.save(force_insert=True)
    record(about=original, staff=staff, text=f"Reversed by transaction {reversal.transaction_id}: {reason}")
    return reversal


def _refuse_own_transaction(original: Transaction, staff: User) -> None:
    if original.postings.filter(Q(source__owner=staff) | Q(destination__owner=staff)).exists():
        raise OwnOrder


def _book_opposite(original: Transaction) -> int:
    """Book the postings in reverse order, so that a commission comes back before its amount is taken."""
    postings = original.postings.order_by("-pk").values_list("destination", "source", "amount")
    opposites = tuple(booking.NewPosting(source, destination, amount) for source, destination, amount in postings)
    reference = f"reversal of transaction {original.pk}"
    reversal = booking.NewTransaction(Transaction.Kind.REVERSAL, opposites, reference, overdraws=True)
    try:
        return booking.book_one(reversal).transaction_id
    except booking.InsufficientFunds as error:
        shortfall.show(error, Currency.objects.get(pk=error.currency).decimal_places)
        raise


@transaction.atomic
def allow_overdraft(*, wallet_id: int, allowed: bool, staff: User, reason: str = "") -> Wallet:
    """Set whether reversals may leave a user's balance below zero. Safe to repeat.

    Locks the wallet. Raises Wallet.DoesNotExist, OwnOrder, and WalletOverdrawn when it stands below what it must cover.
    """
    wallet = (
        Wallet.objects.select_for_update(no_key=True, of=("self",))
        .select_related("currency")
        .get(pk=wallet_id, house__isnull=True)
    )
    refuse_own(staff, wallet.owner_id)
    if wallet.may_overdraw == allowed:
        return wallet
    if not allowed and wallet.balance < wallet.held:
        raise WalletOverdrawn(wallet)
    wallet.may_overdraw = allowed
    wallet.save(update_fields=["may_overdraw"])
    why = f" Reason: {reason}" if reason else ""
    record(about=wallet, staff=staff, text=f"Reversals may {'' if allowed else 'not '}overdraw this wallet.{why}")
    return wallet


class WalletOverdrawn(Exception):
    """The wallet's balance is below zero, or below what is held: it has to be filled first."""

    def __init__(self, wallet: Wallet) -> None:
        available = EXACT.subtract(wallet.balance, wallet.held)
        self.extra = shortfall.members(available, -available, wallet.currency.decimal_places)
        super().__init__(shortfall.sentence(self.extra, wallet.currency_id))
