"""Products: found as the API finds them, changed by its rules, one at a time or in the list."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext as translated
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from api.decimals import format_amount
from api.filters import id_or_none
from api.refusals import text_of
from catalog import services
from catalog.models import Product
from catalog.queries import products
from payments.models import Currency
from payments.money import InvalidAmount, check_amount
from staff.amount_field import AmountFormField
from staff.columns import Amount, ListColumn, NumberColumn, Status, Text, Word
from staff.confirmed_actions import ConfirmedAction, ConfirmedActionsMixin
from staff.history import record
from staff.read_only import BoundedPaginator, StaffAdmin

if TYPE_CHECKING:  # Django's own class takes no type argument at run time.
    ModelForm = forms.ModelForm[Product]
else:
    ModelForm = forms.ModelForm


class PricedForm(ModelForm):
    price = AmountFormField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            cast("AmountFormField", self.fields["price"]).places = self.instance.currency.decimal_places

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self._check_price()
        return cleaned

    def _check_price(self) -> None:
        price = self.cleaned_data.get("price")
        currency = self.cleaned_data.get("currency") or (self.instance.currency if self.instance.pk else None)
        if price is None or currency is None:
            return
        try:
            check_amount(price, decimal_places=currency.decimal_places, maximum=Decimal(settings.TILL_MAX_AMOUNT))
        except InvalidAmount as error:
            self.add_error("price", text_of(error))

    def typed(self) -> services.ProductFields:
        """Return what was changed, as the services take it."""
        fields = {name: self.cleaned_data[name] for name in self.changed_data if name in PRODUCT_FIELDS}
        if "currency" in fields:
            fields["currency"] = fields["currency"].pk
        return cast("services.ProductFields", fields)


PRODUCT_FIELDS = tuple(services.ProductFields.__annotations__)


class ProductForm(PricedForm):
    class Meta:
        model = Product
        fields = PRODUCT_FIELDS


class RowForm(PricedForm):
    """A row of the list."""

    class Meta:
        model = Product
        fields = ("price", "stock", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["stock"].widget.attrs["class"] = "till-stock"


class RemoveAction(ConfirmedAction):
    name = "remove"
    title = _("Delete products")
    button = _("Delete")
    permission = "delete"
    explanation = _(
        "A product that was sold is archived, never destroyed: it is taken off sale, and its purchases stay."
    )
    refusals = (Product.DoesNotExist,)

    def is_available(self, target: Product) -> bool:  # noqa: ARG002
        """The page has a button of Django's own, which leads here (`delete_view`)."""
        return False

    def describe(self, target: Product) -> str:
        if target.purchases.exists():
            return gettext("was sold, so it will be archived.")
        return gettext("was never sold; it will be deleted.")

    def perform(self, *, target: Product, staff: User, data: dict[str, Any], request: HttpRequest) -> str:  # noqa: ARG002
        with transaction.atomic():
            services.delete_product(product_id=target.pk)
            archived = Product.objects.filter(pk=target.pk).exists()
            outcome = gettext_noop("Archived, because it was sold.") if archived else gettext_noop("Deleted.")
            record(about=target, staff=staff, text=f"{outcome} Reason: {data['reason']}")
        return translated(outcome)


ON_SALE = {
    True: Word(_("On sale"), "good", _("Whoever has signed in can buy it.")),
    False: Word(_("Off sale"), "quiet", _("Nobody can buy it. What was bought of it stays.")),
}


@admin.register(Product)
class ProductAdmin(ConfirmedActionsMixin, StaffAdmin):
    form = ProductForm
    compared = ("version",)
    confirmed_actions = (RemoveAction,)
    list_display = ("is_active", "short_title", "price", "currency_code", "stock", "id")
    list_display_links = ("short_title", "id")
    list_editable = ("price", "stock", "is_active")
    list_select_related = ("currency",)
    list_filter = ("is_active", "currency")
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    date_hierarchy = "created_at"  # affordable: a catalogue is no ledger
    search_fields = ("search_text",)
    search_help_text = _("Id, or a part of the title or the description")
    autocomplete_fields = ("currency",)
    export_fields = (
        *("id", "title", "description", "price", "currency_id", "stock", "is_active", "version", "created_at"),
    )
    export_places = "currency__decimal_places"
    state = Status(_("on sale"), "is_active", ON_SALE, order="is_active")
    short_title = Text(_("title"), "title", order="title")
    price_shown = Amount(_("price"), "price", order="price")
    currency_code = ListColumn(_("currency"), "currency_id", order="currency")
    pieces_left = NumberColumn(_("stock"), "stock", order="stock")
    empty_state = _(
        "Add a product, and everybody who has signed in can buy it. The demo's come with manage.py seed_products."
    )

    # --- finding ---

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002
        term = search_term.strip()
        matches = products.with_text(queryset, term) if term else queryset
        return (matches | queryset.filter(pk=number) if (number := id_or_none(term)) else matches), False

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Whoever may only look is shown no fields, but the same as words and amounts."""
        if self.has_change_permission(request):
            return self.list_display
        return ("state", "short_title", "price_shown", "pieces_left", "id")

    # --- what is asked ---

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return (*PRODUCT_FIELDS, "version", "created_at") if obj else PRODUCT_FIELDS

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """The currency of what was sold stays."""
        always = ("version", "created_at")
        return ("currency", *always) if obj and obj.purchases.exists() else always

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "currency":
            kwargs["queryset"] = Currency.objects.filter(is_active=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": RowForm} | kwargs)

    # --- changing: the rows are locked (GuardedAdmin) ---

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:  # noqa: ARG002
        if not change:
            obj.pk = services.create_product(**{**form.typed(), "is_active": form.cleaned_data["is_active"]}).pk
        elif fields := form.typed():
            services.change_product(product_id=obj.pk, **fields)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        """Say what each value was and is."""
        if add or not form.changed_data:
            return super().construct_change_message(request, form, formsets, add)
        changes = [
            f"{name} from {form_text(form, name, old=True)} to {form_text(form, name)}" for name in form.changed_data
        ]
        return f"Changed {', '.join(changes)}."

    # --- deleting ---

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:  # noqa: ARG002
        if not self.has_delete_permission(request):
            raise PermissionDenied
        return redirect(self.confirm_address(RemoveAction(), [id_or_none(unquote(object_id)) or 0]))


def form_text(form: Any, name: str, *, old: bool = False) -> str:
    value = form.initial.get(name) if old else form.cleaned_data[name]
    if name == "price":
        return format_amount(value, form.instance.currency.decimal_places)
    if name in ("title", "description"):
        return f"“{str(value)[:80]}”"
    return "unlimited" if name == "stock" and value is None else str(value)
