"""Ready-made settings of providers: what staff begin with when they add one. No Django.

The facts are those of the providers' own documentation: the header, the fields, the type that means money has arrived.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Preset(NamedTuple):
    """A name for staff, and values of a provider's fields."""

    label: str
    values: Mapping[str, str]


PRESETS: Final[Mapping[str, Preset]] = {
    # payment_intent.succeeded alone: Stripe tells of one payment by several types, and each would be another event.
    "stripe": Preset(
        "Stripe",
        {
            "slug": "stripe",
            "scheme": "stripe",
            "event_type_pointer": "/type",
            "credited_types": "payment_intent.succeeded",
            "transaction_id_pointer": "/data/object/id",
            "amount_pointer": "/data/object/amount_received",
            "amount_unit": "minor",
            "currency_pointer": "/data/object/currency",
            "user_pointer": "/data/object/metadata/user_id",
        },
    ),
    "paystack": Preset(
        "Paystack",
        {
            "slug": "paystack",
            "scheme": "hmac_body",
            "signature_header": "x-paystack-signature",
            "signature_algorithm": "sha512",
            "signature_encoding": "hex",
            "event_type_pointer": "/event",
            "credited_types": "charge.success",
            "transaction_id_pointer": "/data/reference",
            "amount_pointer": "/data/amount",
            "amount_unit": "hundredths",
            "currency_pointer": "/data/currency",
            "user_pointer": "/data/metadata/user_id",
        },
    ),
    "generic": Preset(
        "Generic: HMAC over the body",
        {
            "scheme": "hmac_body",
            "signature_header": "x-signature",
            "signature_algorithm": "sha256",
            "signature_encoding": "hex",
            "event_type_pointer": "/type",
            "credited_types": "payment.succeeded",
            "transaction_id_pointer": "/data/id",
            "amount_pointer": "/data/amount",
            "amount_unit": "major",
            "currency_pointer": "/data/currency",
            "user_pointer": "/data/user_id",
        },
    ),
}
