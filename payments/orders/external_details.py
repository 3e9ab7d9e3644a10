"""What is kept of an account elsewhere, by kind: validated, bounded, and never a card's number. No Django."""

import re
import unicodedata
from collections.abc import Callable, Mapping

from api.marked import marked
from payments.orders.iban import parse_iban

#: The member that a single text stands for.
MAIN = {"bank": "iban", "card": "last4", "crypto": "address", "other": "description"}
KEYS = {
    "bank": {"iban", "bic", "holder"},
    "card": {"last4", "masked", "holder", "expiry"},
    "crypto": {"address", "network"},
    "other": {"description"},
}
MAX_VALUE_LENGTH = 500
_MAX_LENGTHS = {"holder": 100, "description": MAX_VALUE_LENGTH}

# A card has 12 to 19 digits; more in a row may be one with its date and check code behind it.
_CARD_NUMBER = re.compile(r"\d(?:[\s.\-_\u2010-\u2015\u2212]*\d){11}")
# A blockchain's address may hold twelve digits in a row by chance: of forty hexadecimal ones, one in twenty-five does.
# But it is at least this long, and has no separators. What is shorter, or separated, may be a card's number.
_MIN_ADDRESS_LENGTH = 25
_SEPARATOR = re.compile(r"[.\-_]")
_TAIL = re.compile(r"[*•xX.\s-]*([0-9]{4})")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_ADDRESS = re.compile(r"[!-~]{4,200}", re.ASCII)
_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,29}", re.ASCII)
_EXPIRY = re.compile(r"(?:0[1-9]|1[0-2])/(?:20)?[0-9]{2}", re.ASCII)


class InvalidDetails(Exception):
    """The details of an external wallet break a rule: `field` and `code` say which."""

    def __init__(self, code: str, detail: str, *, field: str) -> None:
        super().__init__(detail)
        self.code = code
        self.field = field


class UnknownDetail(InvalidDetails):
    """The kind has no such member."""


class CardNumberRefused(Exception):
    """A card's number is not taken, only its last four digits: nothing here may hold twelve digits in a row."""

    def __init__(self, *, field: str) -> None:
        super().__init__(self.__doc__)
        self.field = field


def checked_details(kind: str, details: Mapping[str, str] | str) -> dict[str, str]:
    """Return what to keep, in one spelling; a text stands for the kind's main member.

    Raises CardNumberRefused, or InvalidDetails naming the member.
    """
    given = {MAIN[kind]: details} if isinstance(details, str) else dict(details)
    given = {name: value.strip() for name, value in given.items()}
    _refuse_card_numbers(kind, given)
    if unknown := sorted(given.keys() - KEYS[kind]):
        known = ", ".join(sorted(KEYS[kind]))
        raise UnknownDetail(
            "unknown_field",
            marked("The kind %(kind)s has %(members)s.", kind=kind, members=known),
            field=f"details.{unknown[0]}",
        )
    return _CHECKS[kind](given)


def refuse_card_number(text: str, *, field: str) -> None:
    """Raises CardNumberRefused when the text holds what may be a card's number, however its digits are spaced."""
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    if _CARD_NUMBER.search(visible):
        raise CardNumberRefused(field=field)


def _refuse_card_numbers(kind: str, given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if not _may_hold_digits(kind, name, value):
            refuse_card_number(value, field=f"details.{name}")


def _may_hold_digits(kind: str, name: str, value: str) -> bool:
    """Tell whether it may be an IBAN or an address, whose digits are no card's."""
    if not any(character.isalpha() for character in value):
        return False
    if (kind, name) == ("crypto", "address"):
        return len(value) >= _MIN_ADDRESS_LENGTH and not _SEPARATOR.search(value)
    return (kind, name) == ("bank", "iban")


def _bank(given: dict[str, str]) -> dict[str, str]:
    details = {"iban": _iban(_needed(given, "bank"))}
    if "bic" in given:
        details["bic"] = _matching(_BIC, given["bic"].upper(), "bic", marked("A BIC has 8 or 11 letters and digits."))
    return details | _holder(given)


def _iban(text: str) -> str:
    iban = parse_iban(text)
    if iban is None:
        raise InvalidDetails(
            "invalid_iban", marked("This is no IBAN, or a character of it is wrong."), field="details.iban"
        )
    return iban


def _card(given: dict[str, str]) -> dict[str, str]:
    """The last four digits may come as they are or masked, as they are answered."""
    tails = {_tail(given[name], name) for name in ("last4", "masked") if name in given}
    if len(tails) != 1:
        raise InvalidDetails(
            "invalid_last4", marked("The last four digits of the card are needed."), field="details.last4"
        )
    last4 = tails.pop()
    details = {"last4": last4, "masked": f"**** {last4}"}
    if "expiry" in given:
        details["expiry"] = _matching(_EXPIRY, given["expiry"], "expiry", marked("Month and year, such as 12/30."))
    return details | _holder(given)


def _tail(text: str, name: str) -> str:
    match = _TAIL.fullmatch(text)
    if match is None:
        raise InvalidDetails(
            "invalid_last4", marked("Only the last four digits, such as 4242."), field=f"details.{name}"
        )
    return match[1]


def _crypto(given: dict[str, str]) -> dict[str, str]:
    address = _needed(given, "crypto")
    details = {"address": _matching(_ADDRESS, address, "address", marked("4 to 200 visible ASCII characters."))}
    if "network" in given:
        details["network"] = _matching(_NETWORK, given["network"], "network", marked("At most 30 letters and digits."))
    return details


def _other(given: dict[str, str]) -> dict[str, str]:
    return {"description": _bounded(_needed(given, "other"), "description")}


def _holder(given: dict[str, str]) -> dict[str, str]:
    return {"holder": _bounded(given["holder"], "holder")} if "holder" in given else {}


def _needed(given: dict[str, str], kind: str) -> str:
    name = MAIN[kind]
    if not given.get(name):
        raise InvalidDetails(
            "detail_missing",
            marked("The kind %(kind)s needs %(member)s.", kind=kind, member=name),
            field=f"details.{name}",
        )
    return given[name]


def _matching(pattern: re.Pattern[str], text: str, name: str, rule: str) -> str:
    if not pattern.fullmatch(text):
        raise InvalidDetails(f"invalid_{name}", rule, field=f"details.{name}")
    return text


def _bounded(text: str, name: str) -> str:
    max_length = _MAX_LENGTHS[name]
    if not 1 <= len(text) <= max_length:
        raise InvalidDetails(
            f"invalid_{name}", marked("1 to %(count)s characters.", count=max_length), field=f"details.{name}"
        )
    return text


_CHECKS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "bank": _bank,
    "card": _card,
    "crypto": _crypto,
    "other": _other,
}
