"""Which purchases and refunds somebody sees."""

from django.db.models import QuerySet

from accounts.models import Role, User
from catalog.models import Purchase, Refund


def visible_to(user: User) -> QuerySet[Purchase]:
    """A user's own; all of them for admins."""
    purchases = Purchase.objects.select_related("currency")
    return purchases if user.role == Role.ADMIN else purchases.filter(user=user)


def refunds_of(purchase: Purchase) -> QuerySet[Refund]:
    return purchase.refunds.select_related("purchase__currency")
