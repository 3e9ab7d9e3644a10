"""Documents of a simulated provider whose notices have a form of their own."""

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from payments.webhooks import field_maps, minor_units
from payments.webhooks.field_maps import FieldMap
from payments.webhooks.json_pointers import PointerTokens
from payments.webhooks.models import Provider
from payments.webhooks.notices import Number


def pointers(fields: FieldMap) -> dict[str, PointerTokens]:
    """Return the pointers by the names that fields have in other notices."""
    named = {
        "event_type": fields.event_type,
        "transaction_id": fields.transaction_id,
        "user_id": fields.user,
        "account_id": fields.wallet,
        "amount": fields.amount,
        "currency": fields.currency,
    }
    return {name: tokens for name, tokens in named.items() if tokens}


def fields(provider: Provider, mapped: FieldMap, *, user_id: int, account_id: int, amount: str) -> dict[str, str]:
    """Return JSON literals of a new notice. Raises ValueError when the amount is no whole number of its unit."""
    currency = provider.currency_id.lower() if provider.scheme == Provider.Scheme.STRIPE else provider.currency_id
    literals = {
        "event_type": json.dumps(min(mapped.credited_types, default="")),
        "transaction_id": json.dumps(str(uuid.uuid4())),
        "user_id": json.dumps(str(user_id)),
        "account_id": json.dumps(str(account_id)),
        "amount": _in_unit(provider, mapped, amount),
        "currency": json.dumps(currency),
    }
    return {name: literals[name] for name in pointers(mapped)}


def _in_unit(provider: Provider, mapped: FieldMap, amount: str) -> str:
    if mapped.amount_unit == field_maps.MAJOR:
        return amount
    places, scheme = provider.currency.decimal_places, provider.scheme
    in_minor = mapped.amount_unit == field_maps.MINOR
    shift = minor_units.digits(provider.currency_id, decimal_places=places, scheme=scheme) if in_minor else 2
    number = Decimal(f"{amount}E{shift}")
    if number != int(number):
        raise ValueError(f"{amount} is no whole number of the provider's unit")
    return str(int(number))


def write(literals: Mapping[str, str], places: Mapping[str, PointerTokens]) -> str:
    """Return a document in which the literals stand at their places."""
    document: dict[str, Any] = {}
    for name, tokens in places.items():
        holder = document
        for token in tokens[:-1]:
            holder = holder.setdefault(token, {})
        holder[tokens[-1]] = json.loads(literals[name], parse_int=Number, parse_float=Number)
    return _text(document)


def tamper(body: str, tokens: PointerTokens) -> str:
    """Change the value that stands there."""
    document = json.loads(body, parse_int=Number, parse_float=Number)
    holder = document
    for token in tokens[:-1]:
        holder = holder[token]
    value = holder[tokens[-1]]
    holder[tokens[-1]] = type(value)("1" + value)
    return _text(document)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_text(member)}" for name, member in value.items()) + "}"
    return value if isinstance(value, Number) else json.dumps(value)
