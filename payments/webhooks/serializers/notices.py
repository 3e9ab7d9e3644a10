"""A webhook's answer, and how OpenAPI describes it. payments.webhooks.notices reads notices, not a serializer."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers

from api.decimals import format_amount
from api.examples import request_example
from payments.webhooks.receiving import Credited, Ignored


def answer(credited: Credited | Ignored) -> dict[str, Any]:
    """Return the body of a success. Plain Python, so that whoever answers webhooks can use it."""
    if isinstance(credited, Ignored):
        return {"status": "ignored"}
    notice = credited.notice
    places = notice.decimal_places
    return {
        "status": "credited",
        "duplicate": credited.duplicate,
        "transaction_id": notice.external_id,
        "account_id": credited.wallet_id,
        "amount": format_amount(notice.amount, places),
        "currency": notice.currency,
        "balance": format_amount(credited.balance, places),
    }


class CreditedSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["credited"])
    duplicate = serializers.BooleanField(help_text="True when an earlier delivery was credited; nothing moved now.")
    transaction_id = serializers.CharField(help_text="The provider's own id, as text; a UUID in lower case.")
    account_id = serializers.IntegerField(help_text="The wallet that was credited (`bill_id` in some notices).")
    amount = serializers.CharField(help_text="What the notice credited.")
    currency = serializers.CharField()
    balance = serializers.CharField(help_text="The wallet's balance right after the credit; a repeat says the same.")


class IgnoredSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ignored"], help_text="The event is authentic, and credits nobody.")


class _SignedSerializer(serializers.Serializer[Any]):
    signature = serializers.CharField(help_text="Lower-case hex; see the description.")


@extend_schema_field(
    {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,27})(\.[0-9]{1,10})?$", "examples": ["100.00", "100"]}
)
class NoticeAmountField(serializers.CharField):
    """For the document: a float of a generated client would be signed otherwise than it is written."""


class _BodySerializer(serializers.Serializer[Any]):
    user_id = serializers.IntegerField(min_value=1, help_text="A JSON integer, 1 to 2^63-1.")
    amount = NoticeAmountField(help_text="Text, or a JSON number of the same form. Signed as you wrote it.")


class Sha1ColonNoticeSerializer(_BodySerializer, _SignedSerializer):
    transaction_id = serializers.IntegerField(min_value=1, help_text="Unique for this provider, for ever.")
    bill_id = serializers.IntegerField(min_value=1, help_text="The wallet; below 10^15 it is created when absent.")


class Sha256ConcatNoticeSerializer(_BodySerializer, _SignedSerializer):
    transaction_id = serializers.CharField(max_length=128, help_text="Unique for this provider, for ever; a UUID.")
    account_id = serializers.IntegerField(min_value=1, help_text="The wallet; below 10^15 it is created when absent.")


class NoticeSerializer(_BodySerializer):
    transaction_id = serializers.CharField(max_length=128, help_text="Unique for this provider, for ever.")
    account_id = serializers.IntegerField(
        min_value=1, help_text="The wallet, also called `bill_id`; below 10^15 it is created when absent."
    )


def _credited(transaction_id: str, account_id: int) -> list[OpenApiExample]:
    body = {"status": "credited", "duplicate": False, "transaction_id": transaction_id, "account_id": account_id}
    money = {"amount": "100.00", "currency": "USD", "balance": "100.00"}
    return [
        OpenApiExample("Credited", body | money, response_only=True, status_codes=["200"]),
        OpenApiExample("Repeated", body | money | {"duplicate": True}, response_only=True, status_codes=["200"]),
    ]


#: The signatures are real: they verify with the demo's secrets.
SHA1_COLON_EXAMPLES = [
    request_example(
        "A published sample",
        transaction_id=1234567,
        user_id=1,
        bill_id=123456,
        amount="100",
        signature="70e224ace9d3859aca84ffb88edf593acec92dbb",
    ),
    *_credited("1234567", 123456),
]
_UUID = "5eae174f-7cd0-472c-bd36-35660f00132b"
SHA256_CONCAT_EXAMPLES = [
    request_example(
        "A published sample",
        transaction_id=_UUID,
        user_id=1,
        account_id=1,
        amount="100",
        signature="7b47e41efe564a062029da3367bde8844bea0fb049f894687cee5d57f2858bc8",
    ),
    *_credited(_UUID, 1),
]
STANDARD_EXAMPLES = [
    request_example("A notice", transaction_id=_UUID, user_id=1, account_id=1, amount="100"),
    *_credited(_UUID, 1),
    OpenApiExample("Ignored", {"status": "ignored"}, response_only=True, status_codes=["200"]),
]
