"""What staff type into the search box of purchases."""

from django.db.models import Q

from api.filters import id_or_none
from catalog.models import Product
from catalog.queries.products import with_text
from staff.search import ids_by_email

_MAX_FOUND = 100


def purchases(term: str) -> Q:
    """By a reference, an id of purchase, user, wallet, product or transaction, or a part of an email or a product."""
    attached = Q(reference=term)
    if number := id_or_none(term):
        columns = ("pk", "user_id", "wallet_id", "product_id", "transaction_id")
        return attached | Q.create([(column, number) for column in columns], connector=Q.OR)
    if "@" in term:
        return attached | Q(user_id__in=ids_by_email(term))
    products = with_text(Product.objects.all(), term).order_by("-pk")
    return attached | Q(product_id__in=list(products.values_list("pk", flat=True)[:_MAX_FOUND]))
