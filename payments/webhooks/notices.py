"""Strict reading of a webhook's body: the literals as the sender wrote them, or a named error. No Django."""

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from api.decimals import is_decimal

MAX_BODY_BYTES: Final = 64 * 1024
MAX_MEMBERS: Final = 200  # of one object, however deep it stands
MAX_CONTENT_TYPE_LENGTH: Final = 200
MAX_ID: Final = 2**63 - 1
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,199}", re.ASCII)
_TEXT_ID = re.compile(r"[!-~]{1,128}", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", re.ASCII)


class MalformedEvent(Exception):
    """The body is not a notice: `field` names what is wrong ("" when it is the body as a whole)."""

    def __init__(self, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.field = field


class BodyTooLarge(Exception):
    """A webhook's body is at most 64 KiB."""


class UnsupportedContentType(Exception):
    """Webhooks are application/json in UTF-8."""


class Number(str):
    """A JSON number, kept as its text: the signature is over what the sender wrote."""

    __slots__ = ()


class ParsedNotice(NamedTuple):
    """The fields of a notice as literals. `signature` is whatever stood there, None when absent.

    `numbered` says that the transaction_id is a JSON integer, not text.
    """

    transaction_id: str
    user_id: str
    account_id: str
    amount: str
    signature: object
    numbered: bool


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def check_content(content_type: str, content_length: int) -> None:
    """Check what the headers say, before the body is read. Raises BodyTooLarge or UnsupportedContentType."""
    if content_length > MAX_BODY_BYTES:
        raise BodyTooLarge
    if content_type != "application/json" and not _is_json_in_utf8(content_type):
        raise UnsupportedContentType


def _is_json_in_utf8(content_type: str) -> bool:
    if len(content_type) > MAX_CONTENT_TYPE_LENGTH:
        return False
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")}
    return media_type == "application/json" and charsets <= {"utf-8", "utf8"}


def parse(body: bytes, scheme: str) -> ParsedNotice:
    """Read a body in the form that the scheme prescribes. Raises MalformedEvent or BodyTooLarge, nothing else."""
    return usual(body, scheme) or strict(body, scheme)


def _members(transaction_id: str, account_field: str) -> re.Pattern[str]:
    """Return a pattern of a flat object with five members, in any order. If no group is empty, each is there once.

    The pattern tries nothing twice (`*+`), so hostile bytes cost no more than others.
    """
    space = r"[ \t\n\r]*+"
    members = (
        rf'transaction_id"{space}:{space}{transaction_id}',
        rf'user_id"{space}:{space}([1-9][0-9]{{0,18}}+)',
        rf'{account_field}"{space}:{space}([1-9][0-9]{{0,18}}+)',
        rf'amount"{space}:{space}("?)((?:0|[1-9][0-9]{{0,27}}+)(?:\.[0-9]{{1,10}}+)?)\4',
        rf'signature"{space}:{space}"([!#-\[\]-~]*+)"',
    )
    return re.compile(
        rf'{space}\{{{space}(?:"(?:{"|".join(members)}){space}(?:,{space}(?=")|(?=\}}))){{5}}\}}{space}', re.ASCII
    )


USUAL = {
    "sha1_colon": _members("([1-9][0-9]{0,18}+)", "bill_id"),
    "sha256_concat": _members('"([!#-\\[\\]-~]{1,128}+)"', "account_id"),
}


def usual(body: bytes, scheme: str) -> ParsedNotice | None:
    """Read a notice of the usual form, as `strict` would, in a third of its time. None: `strict` must read it."""
    pattern = USUAL.get(scheme)
    if pattern is None or len(body) > MAX_BODY_BYTES or not body.isascii():
        return None
    match = pattern.fullmatch(body.decode("ascii"))
    if match is None:
        return None
    transaction_id, user_id, account_id, _quote, amount, signature = match.groups()
    if transaction_id and user_id and account_id and amount and signature is not None:
        return ParsedNotice(transaction_id, user_id, account_id, amount, signature, scheme == "sha1_colon")
    return None


def strict(body: bytes, scheme: str) -> ParsedNotice:
    """Read any notice, or name what is wrong with it."""
    return fields_of(read_object(body), scheme)


def fields_of(fields: dict[str, Any], scheme: str) -> ParsedNotice:
    """Read the fields of an object that `read_object` has read. Raises MalformedEvent."""
    account_field, transaction_kind = _form(scheme, fields)
    return ParsedNotice(
        transaction_id=transaction_kind(fields, "transaction_id"),
        user_id=_integer(fields, "user_id"),
        account_id=_integer(fields, account_field),
        amount=amount(fields, "amount"),
        signature=_signature(fields),
        numbered=isinstance(fields["transaction_id"], Number),
    )


def _form(scheme: str, fields: dict[str, Any]) -> "tuple[str, Callable[[dict[str, Any], str], str]]":
    if scheme == "sha1_colon":
        return "bill_id", _integer
    if scheme == "sha256_concat":
        return "account_id", _text_id
    if "bill_id" in fields and "account_id" in fields:
        raise MalformedEvent("Give account_id or bill_id, not both.", field="account_id")
    return ("bill_id" if "bill_id" in fields else "account_id"), integer_or_text


def read_object(body: bytes) -> dict[str, Any]:
    """Read a body strictly: one JSON object, its numbers as Number. Raises MalformedEvent or BodyTooLarge."""
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLarge
    try:
        parsed = _DECODER.decode(body.decode("utf-8"))
    except _Constant as constant:
        raise MalformedEvent(f"{constant} is not JSON.", field=_holder_of_a_constant(body.decode("utf-8"))) from None
    except RecursionError:
        raise MalformedEvent("The body is nested too deeply.") from None
    except UnicodeDecodeError:
        raise MalformedEvent("The body is not UTF-8.") from None
    except ValueError as error:
        raise MalformedEvent(f"The body is not JSON: {str(error)[:120]}.") from None
    if not isinstance(parsed, dict):
        raise MalformedEvent("The body is not a JSON object.")
    return parsed


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_MEMBERS:
        raise MalformedEvent(f"An object has at most {MAX_MEMBERS} members; one here has {len(pairs)}.")
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise MalformedEvent("The key is given twice.", field=_printable(name))
        members[name] = value
    return members


def _printable(name: str) -> str:
    return name[:64].encode("ascii", "backslashreplace").decode()


class _Constant(Exception):
    """NaN or Infinity, which Python would read."""


def _no_constant(text: str) -> Any:
    raise _Constant(text)


def _holder_of_a_constant(text: str) -> str:
    """Return the name of the field whose value it is, "" when it stands elsewhere. Parses the body once more."""
    try:
        parsed = json.loads(text, parse_float=str, parse_int=str, parse_constant=_Constant)
    except (ValueError, RecursionError):
        return ""
    fields = parsed.items() if isinstance(parsed, dict) else ()
    return next((_printable(name) for name, value in fields if isinstance(value, _Constant)), "")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_float=Number, parse_int=Number, parse_constant=_no_constant
)


def _required(fields: dict[str, Any], name: str) -> Any:
    if name not in fields:
        raise MalformedEvent("The field is missing.", field=name)
    return fields[name]


def _integer(fields: dict[str, Any], name: str) -> str:
    value = _required(fields, name)
    if not isinstance(value, Number) or not _INTEGER.fullmatch(value):
        raise MalformedEvent("The field must be a JSON integer: digits alone, no leading zero.", field=name)
    return str(value)


def _text_id(fields: dict[str, Any], name: str) -> str:
    value = _required(fields, name)
    if isinstance(value, Number) or not isinstance(value, str) or not _TEXT_ID.fullmatch(value):
        raise MalformedEvent("The field must be text of 1 to 128 visible ASCII characters.", field=name)
    return value


def integer_or_text(fields: dict[str, Any], name: str) -> str:
    value = _required(fields, name)
    return _integer(fields, name) if isinstance(value, Number) else _text_id(fields, name)


def amount(fields: dict[str, Any], name: str) -> str:
    """Return a canonical decimal, which is a number or text. Raises MalformedEvent."""
    value = _required(fields, name)
    if not isinstance(value, str) or not is_decimal(value):
        raise MalformedEvent(
            "The field must be a decimal such as 100.25, as a number or text: no exponent, plus sign or leading zero.",
            field=name,
        )
    return str(value)


def _signature(fields: dict[str, Any]) -> object:
    value = fields.get("signature")
    return None if isinstance(value, Number) else value
