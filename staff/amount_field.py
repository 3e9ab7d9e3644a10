"""Amounts that staff type: canonical decimals, as the API takes them."""

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from api.decimals import format_amount, parse_decimal
from staff.formats import ungrouped


class AmountFormField(forms.Field):
    """Shows an amount with `places` decimals and reads it exactly; whether it fits its currency is not known here."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("An amount such as 25.00.")}
    places: int = 0

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(
            attrs={"inputmode": "decimal", "autocomplete": "off", "size": 12, "class": "till-amount"}
        )
        super().__init__(**({"widget": widget} | kwargs))

    def to_python(self, value: Any) -> Decimal | None:
        if value in self.empty_values:
            return None
        amount = value if isinstance(value, Decimal) else parse_decimal(ungrouped(str(value)))
        if amount is None:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return amount

    def prepare_value(self, value: Any) -> Any:
        return format_amount(value, self.places) if isinstance(value, Decimal) else value
