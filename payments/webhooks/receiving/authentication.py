"""From raw bytes to an authentic notice: size, type, form, signature, then the rules, all before any query."""

import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from payments.money import InvalidAmount, check_amount
from payments.webhooks import metrics, notices, signatures
from payments.webhooks.addresses import ANY_FORM
from payments.webhooks.notices import MAX_ID, MalformedEvent, ParsedNotice
from payments.webhooks.receiving.outcomes import Notice
from payments.webhooks.receiving.provider_cache import CachedProvider, provider_cache

#: Stands in for an unknown provider, so that its answer takes as long as a wrong signature.
_NOBODY_SECRETS = ("no provider signs with this",)
Lookup = Callable[[str], CachedProvider | None]


class InvalidSignature(Exception):
    """The signature is missing, wrong or too old, or the provider is unknown."""

    #: An answer 401 has to say how to authenticate.
    auth_header = 'Signature realm="webhooks"'


class InvalidNotice(Exception):
    """An authentic notice breaks a rule; `field` and `code` say which. Nothing is stored."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.code = code


def authenticate(*, slug: str, headers: Mapping[str, str], body: bytes, form: str = ANY_FORM) -> Notice:
    """Return the authentic, well-formed notice. Reads the providers every few seconds, and nothing else.

    It also reads them at once before it raises InvalidSignature or InvalidNotice: staff may have just changed one.
    `ProviderCache.refresh` says what holds in a flood of forgeries.

    `form` is the scheme whose fields the address prescribes; by default those of any scheme. Raises BodyTooLarge,
    UnsupportedContentType, MalformedEvent, InvalidSignature or InvalidNotice, in that order. Before a valid signature
    every answer depends on the request only, so nobody learns which providers exist.
    """
    try:
        try:
            return _authenticate(slug, headers, body, form, lookups=(provider_cache.get, provider_cache.refresh))
        except InvalidNotice:  # staff may have raised the limit a moment ago, and the sender would not try again
            provider_cache.invalidate()
            return _authenticate(slug, headers, body, form, lookups=(provider_cache.get,))
    except InvalidSignature:
        metrics.bad_signatures.inc()
        raise
    except MalformedEvent:
        metrics.malformed.inc()
        raise


def recognise(*, slug: str, headers: Mapping[str, str], body: bytes, form: str = ANY_FORM) -> Notice | None:
    """Return the notice if it is authentic by the providers in memory, and well-formed. Changes no metric."""
    if provider_cache.is_stale():
        return None
    try:
        return _authenticate(slug, headers, body, form, lookups=(provider_cache.peek,))
    except (notices.BodyTooLarge, notices.UnsupportedContentType, MalformedEvent, InvalidSignature, InvalidNotice):
        return None


def authenticate_from_memory(
    *, slug: str, headers: Mapping[str, str], body: bytes, form: str = ANY_FORM
) -> Notice | None:
    """Authenticate without the database, for an event loop, which must not wait.

    None: `authenticate` has to decide, because the providers in memory are too old or refuse the notice. Raises
    BodyTooLarge, UnsupportedContentType or MalformedEvent.
    """
    if provider_cache.is_stale():
        return None
    try:
        return _authenticate(slug, headers, body, form, lookups=(provider_cache.peek,))
    except (InvalidSignature, InvalidNotice):
        return None
    except MalformedEvent:
        metrics.malformed.inc()
        raise


def _authenticate(slug: str, headers: Mapping[str, str], body: bytes, form: str, lookups: Sequence[Lookup]) -> Notice:
    notices.check_content(headers.get("content-type", ""), len(body))
    parsed = notices.parse(body, form)
    provider = _signer(slug, parsed, headers, body, lookups)
    if provider.scheme != form:
        parsed = notices.parse(body, provider.scheme)
    return _notice(parsed, provider)


def _signer(
    slug: str, parsed: ParsedNotice, headers: Mapping[str, str], body: bytes, lookups: Sequence[Lookup]
) -> CachedProvider:
    """Return the provider whose signature it is. The second lookup is for a secret that changed a moment ago."""
    for lookup in lookups:
        provider = lookup(slug)
        scheme, secrets = (provider.scheme, provider.secrets) if provider else ("sha256_concat", _NOBODY_SECRETS)
        verified = signatures.verify(parsed, headers, body, scheme=scheme, secrets=secrets, now=time.time())
        # Asked last, so that an unknown provider takes as long. A notice signed with the stand-in has no provider.
        if verified and provider is not None:
            return provider
    raise InvalidSignature


def _notice(parsed: ParsedNotice, provider: CachedProvider) -> Notice:
    amount = Decimal(parsed.amount)
    try:
        check_amount(amount, decimal_places=provider.decimal_places, maximum=provider.max_amount)
    except InvalidAmount as error:
        raise InvalidNotice("amount", error.code, str(error)) from None
    if provider.requires_uuid and not notices.is_uuid(parsed.transaction_id):
        raise InvalidNotice("transaction_id", "uuid_required", "This provider's transaction ids must be UUIDs.")
    account_field = "bill_id" if provider.scheme == "sha1_colon" else "account_id"
    external_id = _external_id(parsed)
    user_id, account_id = _id("user_id", parsed.user_id), _id(account_field, parsed.account_id)
    return Notice(provider, external_id, user_id, account_id, amount)


def _external_id(parsed: ParsedNotice) -> str:
    if not parsed.numbered:
        return parsed.external_id
    _id("transaction_id", parsed.transaction_id)
    return parsed.transaction_id


def _id(field: str, literal: str) -> int:
    value = int(literal)
    if not 1 <= value <= MAX_ID:
        raise InvalidNotice(field, "id_out_of_range", "An id is a whole number from 1 to 9223372036854775807.")
    return value
