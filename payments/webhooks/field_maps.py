"""Field maps: where in a provider's own document the fields of a notice stand, and how they are written. No Django."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from payments.webhooks import json_pointers, minor_units, notices
from payments.webhooks.json_pointers import PointerTokens
from payments.webhooks.notices import MalformedEvent, Number

MAJOR: Final = "major"
MINOR: Final = "minor"
#: Hundredths, whatever the currency: so some providers count.
HUNDREDTHS: Final = "hundredths"
MAX_TYPE_LENGTH: Final = 100
#: A map without a pointer to a wallet credits the user's first wallet in the currency. No wallet has this id.
FIRST_WALLET: Final = 0
_CURRENCY = re.compile(r"[A-Za-z0-9]{3,10}", re.ASCII)
_DIGITS = re.compile(r"0|-?[1-9][0-9]{0,37}", re.ASCII)


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Pointers to the fields. An empty one means that the notice does not say it."""

    transaction_id: PointerTokens
    amount: PointerTokens
    user: PointerTokens
    amount_unit: str
    wallet: PointerTokens = ()
    currency: PointerTokens = ()
    event_type: PointerTokens = ()
    #: Events of other types are ignored. Without a pointer to the type, every event counts.
    credited_types: frozenset[str] = frozenset()


class OtherEvent(Exception):
    """An event of a type that credits nobody."""


@dataclass(frozen=True, slots=True)
class MappedNotice:
    """What the notice says. Ids are literals as yet: their range was not checked."""

    transaction_id: str
    #: The transaction id is a JSON integer, not text.
    numbered: bool
    user_id: str
    #: Empty: the user's first wallet.
    account_id: str
    currency: str
    amount: Decimal


def read(document: Mapping[str, Any], fields: FieldMap, *, currencies: Mapping[str, int], scheme: str) -> MappedNotice:
    """Read a provider's document. Raises OtherEvent, UnknownCurrency, or MalformedEvent with the pointer as its field.

    `currencies` are those that the notice may name, with their decimals. If the map has no pointer to the currency,
    there is one of them.
    """
    _check_type(document, fields)
    transaction_id, numbered = _transaction_id(document, fields.transaction_id)
    currency = _currency(document, fields.currency, currencies)
    return MappedNotice(
        transaction_id=transaction_id,
        numbered=numbered,
        user_id=_id(document, fields.user),
        account_id=_id(document, fields.wallet) if fields.wallet else "",
        currency=currency,
        amount=_amount(document, fields, currency, currencies[currency], scheme),
    )


class UnknownCurrency(Exception):
    """Till does not know this currency, or the provider may not pay in it."""


def _value(document: Mapping[str, Any], tokens: PointerTokens) -> tuple[str, Any]:
    """Return the pointer, which names the field in errors, and what stands there."""
    pointer = json_pointers.write(tokens)
    try:
        return pointer, json_pointers.look_up(document, tokens)
    except json_pointers.Missing:
        raise MalformedEvent("The field is missing.", field=pointer) from None


def _check_type(document: Mapping[str, Any], fields: FieldMap) -> None:
    if not fields.event_type:
        return
    pointer, value = _value(document, fields.event_type)
    if isinstance(value, Number) or not isinstance(value, str):
        raise MalformedEvent("The type of an event is text.", field=pointer)
    if value not in fields.credited_types:
        raise OtherEvent


def _transaction_id(document: Mapping[str, Any], tokens: PointerTokens) -> tuple[str, bool]:
    pointer, value = _value(document, tokens)
    return notices.integer_or_text({pointer: value}, pointer), isinstance(value, Number)


def _id(document: Mapping[str, Any], tokens: PointerTokens) -> str:
    """Return the digits of an id. Metadata of many providers holds text only, so text of digits is as good."""
    pointer, value = _value(document, tokens)
    return _digits(pointer, value)


def _digits(pointer: str, value: Any) -> str:
    if not isinstance(value, str) or not _DIGITS.fullmatch(value):
        raise MalformedEvent("The field must be a whole number, or text of its digits alone.", field=pointer)
    return str(value)


def _currency(document: Mapping[str, Any], tokens: PointerTokens, currencies: Mapping[str, int]) -> str:
    if not tokens:
        return next(iter(currencies))
    pointer, value = _value(document, tokens)
    if isinstance(value, Number) or not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise MalformedEvent("The field must be the code of a currency.", field=pointer)
    if value.upper() not in currencies:
        raise UnknownCurrency(pointer)
    return value.upper()


def _amount(document: Mapping[str, Any], fields: FieldMap, currency: str, decimal_places: int, scheme: str) -> Decimal:
    pointer, value = _value(document, fields.amount)
    if fields.amount_unit == MAJOR:
        return Decimal(notices.amount({pointer: value}, pointer))
    shift = 2
    if fields.amount_unit == MINOR:
        shift = minor_units.digits(currency, decimal_places=decimal_places, scheme=scheme)
    return minor_units.to_major(_digits(pointer, value), shift, decimal_places=decimal_places)
