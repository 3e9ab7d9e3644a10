"""What staff type into the search box of purchases."""

from django.contrib.auth import get_user_model
from django.db.models import Q

from api.filters import id_or_none
from catalog.models import Product
from catalog.queries.products import found_by

_MOST = 100


def purchases(term: str) -> Q:
    """By an id of the purchase, user, wallet, product or transaction, a part of an email, or of a product's text."""
    if number := id_or_none(term):
        names = ("pk", "user_id", "wallet_id", "product_id", "transaction_id")
        return Q.create([(name, number) for name in names], connector=Q.OR)
    if "@" in term:
        people = get_user_model().objects.filter(email__icontains=term).order_by("-pk")
        return Q(user_id__in=list(people.values_list("pk", flat=True)[:_MOST]))
    found = found_by(Product.objects.all(), term).order_by("-pk")
    return Q(product_id__in=list(found.values_list("pk", flat=True)[:_MOST]))
