"""Which products somebody sees, and in which order."""

from collections.abc import Callable

from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Collate, Concat, LPad

from accounts.models import Role, User
from catalog.models import Product
from catalog.models.products import folded

#: Digits of numeric(38,10) as PostgreSQL writes it: 28, the point, 10.
_PRICE_WIDTH = 39
_ID_WIDTH = 19
#: Stands in no title, and before everything that may: "Map" comes before "Map of Rome".
_END = "\x01"


def visible_to(user: User) -> QuerySet[Product]:
    """Everybody who has signed in sees what is on sale, admins see all."""
    products = Product.objects.select_related("currency")
    return products if user.role == Role.ADMIN else products.filter(is_active=True)


def with_text(products: QuerySet[Product], text: str) -> QuerySet[Product]:
    """Products whose title or description holds the text, whatever the case; no character has a special meaning."""
    return products.filter(search_text__contains=folded(text))


_SORTED_BY: dict[str, Callable[[], Combinable]] = {
    "price": lambda: LPad(Cast("price", TextField()), _PRICE_WIDTH, Value("0")),
    "title": lambda: Func(F("search_text"), Value("\n"), Value(1), function="split_part", output_field=TextField()),
    "created_at": lambda: Func(
        F("created_at"), template="to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS')",
        output_field=TextField(),
    ),
}  # fmt: skip
ORDERINGS = ("id", "-id", *_SORTED_BY, *(f"-{name}" for name in _SORTED_BY))
DEFAULT_ORDERING = "-id"


def sorted_by(products: QuerySet[Product], ordering: str) -> tuple[QuerySet[Product], str]:
    """Return the products with what a cursor sorts them by: unique, so that equal prices neither repeat nor vanish.

    The key is text compared byte by byte: the value at a fixed width (a title as it is folded), then the id.
    """
    descending, name = "-" * ordering.startswith("-"), ordering.lstrip("-")
    if name == "id":
        return products, ordering
    number = LPad(Cast("id", TextField()), _ID_WIDTH, Value("0"))
    key = Concat(_SORTED_BY[name](), Value(_END), number, output_field=TextField())
    return products.annotate(sort_key=Collate(key, "C")), f"{descending}sort_key"
