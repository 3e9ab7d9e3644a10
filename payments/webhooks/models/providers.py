"""Who may credit wallets through signed webhooks."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from api.model_fields import EncryptedField
from api.refusals import spoken
from payments.ledger.models.fields import MoneyField
from payments.ledger.models.wallets import Currency
from payments.webhooks import field_maps, json_pointers, signatures
from payments.webhooks.field_maps import FieldMap

#: Pointers of the field map, and those without which there is none.
POINTERS: Final = (
    *("transaction_id_pointer", "amount_pointer", "user_pointer"),
    *("event_type_pointer", "currency_pointer", "wallet_pointer"),
)
_REQUIRED: Final = ("transaction_id_pointer", "amount_pointer", "user_pointer", "amount_unit")
_SIGNATURE: Final = ("signature_header", "signature_algorithm", "signature_encoding")
#: Headers that are no signature. The first ones are secrets of others, and what a provider sends in them is not kept.
_OTHER_HEADERS: Final = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "content-type", "content-length", "host"}
    | {"user-agent", "connection", "transfer-encoding", "x-request-id"}
)
#: How lists are written elsewhere. Types of events have none of these.
_LIST_MARKS: Final = frozenset(",;\"'[]")


def pointer_field(help_text: str) -> Any:
    return models.CharField(
        max_length=json_pointers.MAX_LENGTH, blank=True, default="", db_default="", help_text=help_text
    )


class Provider(models.Model):
    """A sender of notices. `scheme` says who signed.

    The three older schemes prescribe the fields of a notice. For `stripe` and `hmac_body` the pointers say where in the
    provider's document the fields stand.
    """

    class Scheme(models.TextChoices):
        SHA1_COLON = "sha1_colon", "SHA-1 over fields joined by colons"
        SHA256_CONCAT = "sha256_concat", "SHA-256 over fields glued together"
        STANDARD_WEBHOOKS = "standard_webhooks", "Standard Webhooks (HMAC-SHA256 over the body)"
        STRIPE = "stripe", "Stripe (HMAC-SHA256 over time and body)"
        HMAC_BODY = "hmac_body", "HMAC over the body, in a header"

    class AmountUnit(models.TextChoices):
        MAJOR = field_maps.MAJOR, "units, such as 12.50"
        MINOR = field_maps.MINOR, "minor units of the currency, such as 1250"
        HUNDREDTHS = field_maps.HUNDREDTHS, "hundredths, whatever the currency"

    class Algorithm(models.TextChoices):
        SHA256 = "sha256", "HMAC-SHA-256"
        SHA512 = "sha512", "HMAC-SHA-512"

    class Encoding(models.TextChoices):
        HEX = "hex", "hexadecimal"
        BASE64 = "base64", "base64"

    slug = models.CharField(
        max_length=50,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]*\Z", "Lower-case letters, digits, hyphen and underscore.")],
        help_text="Stands in the address: /api/v1/webhooks/{slug}.",
    )
    scheme = models.CharField(max_length=20, choices=Scheme)
    currency = models.ForeignKey(Currency, on_delete=models.PROTECT, related_name="+")
    secret = EncryptedField(max_length=255, help_text="The active secret. Never shown again.")
    previous_secret = EncryptedField(
        max_length=255, blank=True, help_text="Accepted as well while a secret is being rotated."
    )
    requires_uuid = models.BooleanField(
        default=False,
        verbose_name="requires UUID transaction ids",
        help_text="Refuse transaction ids that are no UUID; protects the glued scheme from shifted digits.",
    )
    max_amount = MoneyField(
        null=True,
        blank=True,
        help_text="Refuse a single notice above this amount. It is of the provider's currency: with a limit, no other "
        "is taken.",
    )
    is_active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True, help_text="Tells workers that their copy is out of date.")

    signature_header = models.CharField(
        max_length=50,
        blank=True,
        default="",
        db_default="",
        validators=[
            RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z", "A header's name in lower case: letters, digits, hyphens.")
        ],
        help_text="The header that has the signature, such as x-paystack-signature.",
    )
    signature_algorithm = models.CharField(max_length=10, blank=True, default="", db_default="", choices=Algorithm)
    signature_encoding = models.CharField(max_length=10, blank=True, default="", db_default="", choices=Encoding)
    signature_prefix = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        validators=[RegexValidator(r"^[!-~]*\Z", "Visible ASCII characters.")],
        help_text="What stands before the signature in its header, such as sha256=.",
    )
    transaction_id_pointer = pointer_field("Where the payment's own id stands: /data/object/id.")
    amount_pointer = pointer_field("Where the amount stands.")
    amount_unit = models.CharField(max_length=10, blank=True, default="", db_default="", choices=AmountUnit)
    user_pointer = pointer_field("Where our user's id stands, as a number or text.")
    wallet_pointer = pointer_field("Where our wallet's id stands. Empty: the user's first wallet in the currency.")
    currency_pointer = pointer_field("Where the currency's code stands. Empty: always the provider's currency.")
    event_type_pointer = pointer_field("Where the type of the event stands. Empty: every event is a payment.")
    credited_types = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="The types that credit, separated by spaces. All others are answered, and ignored.",
    )

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(condition=~Q(secret=""), name="provider_secret_present"),
            models.CheckConstraint(
                condition=Q(max_amount__isnull=True) | Q(max_amount__gt=0), name="provider_max_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(
                    scheme__in=["sha1_colon", "sha256_concat", "standard_webhooks", "stripe", "hmac_body"],
                ),
                name="provider_scheme_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    scheme="hmac_body",
                    signature_header__regex="^[a-z0-9][a-z0-9-]*$",
                    signature_algorithm__in=["sha256", "sha512"],
                    signature_encoding__in=["hex", "base64"],
                )
                | (
                    ~Q(scheme="hmac_body")
                    & Q(signature_header="", signature_algorithm="", signature_encoding="", signature_prefix="")
                ),
                name="provider_signature_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(
                    scheme__in=["stripe", "hmac_body"],
                    transaction_id_pointer__startswith="/",
                    amount_pointer__startswith="/",
                    user_pointer__startswith="/",
                    amount_unit__in=["major", "minor", "hundredths"],
                )
                | (
                    ~Q(scheme__in=["stripe", "hmac_body"])
                    & Q(transaction_id_pointer="", amount_pointer="", user_pointer="", wallet_pointer="")
                    & Q(currency_pointer="", event_type_pointer="", credited_types="", amount_unit="")
                ),
                name="provider_map_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(event_type_pointer="", credited_types="")
                | (~Q(event_type_pointer="") & ~Q(credited_types="")),
                name="provider_types_have_pointer",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def has_map(self) -> bool:
        """Whether its notices have a form of the provider's own."""
        return self.scheme in (self.Scheme.STRIPE, self.Scheme.HMAC_BODY)

    def field_map(self) -> FieldMap | None:
        """Return where the fields stand, None when the scheme says it. Raises ValueError for a pointer that is none."""
        if not self.has_map:
            return None
        tokens = {name: json_pointers.read(value) if (value := getattr(self, name)) else () for name in POINTERS}
        return FieldMap(
            transaction_id=tokens["transaction_id_pointer"],
            amount=tokens["amount_pointer"],
            user=tokens["user_pointer"],
            amount_unit=self.amount_unit,
            wallet=tokens["wallet_pointer"],
            currency=tokens["currency_pointer"],
            event_type=tokens["event_type_pointer"],
            credited_types=frozenset(self.credited_types.split()),
        )

    def hmac_options(self) -> signatures.HmacOptions | None:
        """Return how the signature is sent, None unless the scheme is `hmac_body`."""
        if self.scheme != self.Scheme.HMAC_BODY:
            return None
        return signatures.HmacOptions(
            self.signature_header, self.signature_algorithm, self.signature_encoding, self.signature_prefix
        )

    def clean(self) -> None:
        errors = {**self._errors_of_secrets(), **self._errors_of_scheme(), **self._errors_of_map()}
        if self.max_amount is not None and self.max_amount <= 0:
            errors["max_amount"] = _("Above zero.")
        if errors:
            raise ValidationError(errors)

    def _errors_of_secrets(self) -> Mapping[str, str]:
        if self.scheme != self.Scheme.STANDARD_WEBHOOKS:
            return {}
        errors = {}
        for field in ("secret", "previous_secret"):
            if value := getattr(self, field):
                try:
                    signatures.standard_key(value)
                except ValueError as error:
                    errors[field] = spoken(str(error))
        return errors

    def _errors_of_scheme(self) -> Mapping[str, str]:
        """Every setting of a signature and a map is there where the scheme needs it, and nowhere else."""
        signature = self.scheme == self.Scheme.HMAC_BODY
        needed = (*(_SIGNATURE if signature else ()), *(_REQUIRED if self.has_map else ()))
        errors = {name: "This scheme needs it." for name in needed if not getattr(self, name)}
        strange = [] if self.has_map else [*POINTERS, "amount_unit", "credited_types"]
        strange += [] if signature else [*_SIGNATURE, "signature_prefix"]
        errors |= {name: "This scheme does not know it." for name in strange if getattr(self, name)}
        if self.signature_header in _OTHER_HEADERS:
            errors["signature_header"] = "This header is no signature."
        return errors

    def _errors_of_map(self) -> Mapping[str, str]:
        errors, pointers = {}, {name: value for name in POINTERS if (value := getattr(self, name))}
        for name, value in pointers.items():
            try:
                json_pointers.read(value)
            except ValueError as error:
                errors[name] = spoken(str(error))
            if any(value.startswith(f"{other}/") for other in pointers.values()):
                errors[name] = "It leads into the value of another field: no document has both."
        types = self.credited_types.split()
        if any(len(type_) > field_maps.MAX_TYPE_LENGTH or not type_.isprintable() for type_ in types):
            errors["credited_types"] = f"A type has at most {field_maps.MAX_TYPE_LENGTH} printable characters."
        elif _LIST_MARKS & set(self.credited_types):  # such a type never comes: payments would be ignored
            errors["credited_types"] = "Separate types by spaces alone, without commas and quotes."
        elif bool(types) != bool(self.event_type_pointer):
            errors["event_type_pointer"] = "Give the pointer and the types that credit, or neither."
        elif self.scheme == self.Scheme.STRIPE and len({type_.rpartition(".")[0] for type_ in types}) > 1:
            errors["credited_types"] = "Stripe tells of one payment by several objects: choose types of one of them."
        return errors
