"""What a problem is, and the types of problems that code names. The table has the others, beside their exceptions."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A problem: one answer. A `detail` given here replaces the exception's own text, which might tell too much.

    Title and detail are English, and translated when the answer is made.
    """

    status: int
    code: str
    title: str
    detail: str = ""
    retry_after: int | None = None

    @property
    def page(self) -> str:
        """Where the code is explained; the `type` of the answer."""
        return f"/docs/errors#{self.code}"


INVALID_REQUEST = Problem(400, "invalid_request", "The request is not valid")
BAD_REQUEST = Problem(
    400, "bad_request", "The request was refused", "The request is malformed, or was not meant for this host."
)
UNREADABLE_TEXT = Problem(
    400,
    "unreadable_text",
    "The request holds text that cannot be stored",
    "Text must be Unicode without NUL characters.",
)
UNREADABLE_BODY = Problem(400, "unreadable_body", "The body did not arrive", "The connection broke off.")
TOKEN_INVALID = Problem(401, "token_invalid", "The token is not valid")
TOKEN_EXPIRED = Problem(401, "token_expired", "The token has expired")
PERMISSION_DENIED = Problem(403, "permission_denied", "Not permitted")
CSRF_FAILED = Problem(
    403, "csrf_failed", "The form's token is missing or old", "Load the form again and send it again."
)
NOT_FOUND = Problem(404, "not_found", "Not found", "There is nothing at this address, or it is not yours to see.")
METHOD_NOT_ALLOWED = Problem(
    405,
    "method_not_allowed",
    "Method not allowed",
    "The header Allow names the methods that this address knows.",
)
BODY_TOO_SLOW = Problem(408, "body_too_slow", "The body took too long", "Send the same request again.")
HEAD_TOO_SLOW = Problem(408, "head_too_slow", "The headers took too long", "Send the same request again.")
ADDRESS_TOO_LONG = Problem(414, "address_too_long", "The address is too long", "It has at most 16 kB.")
HEADERS_TOO_LARGE = Problem(
    431, "headers_too_large", "The headers are too large", "There are at most 100, of 16 kB each and 32 kB in all."
)
BODY_TOO_LARGE = Problem(
    413, "body_too_large", "The body is too large", "The body is larger than this service accepts."
)
UNSUPPORTED_MEDIA_TYPE = Problem(415, "unsupported_media_type", "Unsupported media type")
USER_NOT_FOUND = Problem(404, "user_not_found", "There is no such user")
WALLET_NOT_FOUND = Problem(404, "wallet_not_found", "There is no such wallet")
CURRENCY_MISMATCH = Problem(422, "currency_mismatch", "The currencies do not match")
BALANCE_TOO_LARGE = Problem(422, "balance_too_large", "The balance would grow too large")
INTERNAL_ERROR = Problem(
    500,
    "internal_error",
    "Something broke on our side",
    "It was logged under the id in this answer's header X-Request-ID.",
)
NOT_READY = Problem(503, "not_ready", "Not ready to serve", retry_after=5)
OVERLOADED = Problem(
    503, "overloaded", "Too many requests are waiting", "It was not begun. Send the same request again.", 1
)
TOO_MANY_STREAMS = Problem(
    503,
    "too_many_streams",
    "Too many long answers are being sent",
    "Send the same request again when one of them has ended.",
    retry_after=5,
)
UNDECIDED = Problem(
    503,
    "undecided",
    "The answer took too long",
    "It may have been credited or not; a repeat tells, and credits once. Send the same request again.",
    retry_after=1,
)
DATABASE_UNAVAILABLE = Problem(
    503,
    "database_unavailable",
    "The database cannot be reached",
    "Nothing was left half done. Send the same request again.",
    retry_after=5,
)
USER_GONE = Problem(401, TOKEN_INVALID.code, TOKEN_INVALID.title, "The user was deleted meanwhile.")
DATABASE_BUSY = Problem(
    503,
    "database_busy",
    "The database took too long",
    "Others hold what this request needs. Nothing was left half done. Send the same request again.",
    retry_after=1,
)
