"""From raw bytes to an authentic notice: size, type, form, signature, then the rules, all before any query.

The address of every provider is for forms of any kind. So there only what is JSON is judged before the signature.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from payments.money import InvalidAmount, check_amount
from payments.webhooks import field_maps, json_pointers, metrics, notices, signatures
from payments.webhooks.addresses import ANY_FORM
from payments.webhooks.field_maps import FIRST_WALLET, FieldMap, MappedNotice
from payments.webhooks.notices import MAX_ID, MalformedEvent, ParsedNotice
from payments.webhooks.receiving.evidence import kept_headers
from payments.webhooks.receiving.outcomes import Ignored, Notice
from payments.webhooks.receiving.provider_cache import CachedProvider, provider_cache

logger = logging.getLogger("till.webhooks")

#: Stands in for an unknown provider, so that its answer takes as long as a wrong signature.
_NOBODY_SECRETS = ("no provider signs with this",)
_NOBODY_OPTIONS = signatures.HmacOptions("webhook-signature", "sha256", "hex")
Lookup = Callable[[str], CachedProvider | None]


class InvalidSignature(Exception):
    """The signature is missing, wrong or too old, or the provider is unknown."""

    #: An answer 401 has to say how to authenticate.
    auth_header = 'Signature realm="webhooks"'


class UnreadableFields(MalformedEvent):
    """An authentic document does not have the fields that its provider's form needs."""

    code = "malformed_event"


class InvalidNotice(Exception):
    """An authentic notice breaks a rule; `field` and `code` say which. Nothing is stored."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.code = code


def authenticate(*, slug: str, headers: Mapping[str, str], body: bytes, form: str = ANY_FORM) -> Notice | Ignored:
    """Return the authentic, well-formed notice. Reads the providers every few seconds, and nothing else.

    It also reads them at once before it refuses or ignores: staff may have just changed one, and the sender would not
    try again. `ProviderCache.refresh` says what holds in a flood of forgeries.

    `form` is the scheme whose fields the address prescribes; by default those of any scheme. Raises BodyTooLarge,
    UnsupportedContentType, MalformedEvent, InvalidSignature, UnreadableFields or InvalidNotice, in that order. Before a
    valid signature every answer depends on the request only, so nobody learns which providers exist.
    """
    try:
        return _judge_twice(slug, headers, body, form)
    except InvalidSignature:
        metrics.bad_signatures.inc()
        raise
    except (UnreadableFields, InvalidNotice) as error:
        _report_refused(slug, error)
        raise
    except MalformedEvent:
        metrics.malformed.inc()
        raise


def _report_refused(slug: str, error: UnreadableFields | InvalidNotice) -> None:
    """Money may have arrived, and nothing is stored of it. So operators have to hear of it."""
    metrics.refused.labels(slug, error.code).inc()
    logger.warning("An authentic notice of %s was refused, and not kept: %s, %s", slug, error.code, error.field)


def _judge_twice(slug: str, headers: Mapping[str, str], body: bytes, form: str) -> Notice | Ignored:
    """Judge by the table as it is now, unless the notice is good by what is in memory."""
    latest: Lookup = provider_cache.refresh
    try:
        notice = _authenticate(slug, headers, body, form, lookups=(provider_cache.get, provider_cache.refresh))
        if isinstance(notice, Notice):
            return notice
    except UnreadableFields:
        pass
    except InvalidNotice:
        provider_cache.invalidate()
        latest = provider_cache.get
    return _authenticate(slug, headers, body, form, lookups=(latest,))


def recognise(*, slug: str, headers: Mapping[str, str], body: bytes, form: str = ANY_FORM) -> Notice | None:
    """Return the notice if it is authentic by the providers in memory, and well-formed. Changes no metric."""
    if provider_cache.is_stale():
        return None
    try:
        notice = _authenticate(slug, headers, body, form, lookups=(provider_cache.peek,))
    except (notices.BodyTooLarge, notices.UnsupportedContentType, MalformedEvent, InvalidSignature, InvalidNotice):
        return None
    return notice if isinstance(notice, Notice) else None


def signs_fields(slug: str) -> bool:
    """Tell whether the provider in memory puts its signature into the body, so that its heads are alike."""
    provider = provider_cache.peek(slug)
    return provider is not None and provider.scheme in signatures.FIELD_SCHEMES


def authenticate_from_memory(
    *, slug: str, headers: Mapping[str, str], body: bytes, form: str = ANY_FORM
) -> Notice | None:
    """Authenticate without the database, for an event loop, which must not wait.

    None: `authenticate` has to decide, because the providers in memory are too old, or refuse or ignore the notice.
    Raises BodyTooLarge, UnsupportedContentType or MalformedEvent.
    """
    if provider_cache.is_stale():
        return None
    try:
        notice = _authenticate(slug, headers, body, form, lookups=(provider_cache.peek,))
    except (InvalidSignature, InvalidNotice, UnreadableFields):
        return None
    except MalformedEvent:
        metrics.malformed.inc()
        raise
    return notice if isinstance(notice, Notice) else None


def _authenticate(
    slug: str, headers: Mapping[str, str], body: bytes, form: str, lookups: Sequence[Lookup]
) -> Notice | Ignored:
    notices.check_content(headers.get("content-type", ""), len(body))
    document = notices.read_object(body) if form == ANY_FORM else None
    parsed = notices.parse(body, form) if document is None else _literals(document)
    provider = _signer(slug, parsed, headers, body, lookups)
    if provider.scheme == form and parsed is not None:
        return _notice(parsed, provider, headers, body)
    if document is None:  # the provider has another scheme than its fixed address
        document = notices.read_object(body)
    if provider.field_map is not None:
        return _mapped(document, provider, provider.field_map, headers, body)
    try:
        parsed = notices.fields_of(document, provider.scheme)
    except MalformedEvent as error:
        raise UnreadableFields(str(error), field=error.field) from None
    return _notice(parsed, provider, headers, body)


def _literals(document: dict[str, Any]) -> ParsedNotice | None:
    """Return the fields if the document has them in their usual places. A scheme may sign them instead of the body."""
    try:
        return notices.fields_of(document, ANY_FORM)
    except MalformedEvent:
        return None


def _signer(
    slug: str, parsed: ParsedNotice | None, headers: Mapping[str, str], body: bytes, lookups: Sequence[Lookup]
) -> CachedProvider:
    """Return the provider whose signature it is. The second lookup is for a secret that changed a moment ago."""
    for lookup in lookups:
        provider = lookup(slug)
        scheme, secrets = (provider.scheme, provider.secrets) if provider else ("hmac_body", _NOBODY_SECRETS)
        options = provider.hmac_options if provider else _NOBODY_OPTIONS
        verified = signatures.verify(
            parsed, headers, body, scheme=scheme, secrets=secrets, now=time.time(), options=options
        )
        # Asked last, so that an unknown provider takes as long. A notice signed with the stand-in has no provider.
        if verified and provider is not None:
            return provider
    raise InvalidSignature


def _notice(parsed: ParsedNotice, provider: CachedProvider, headers: Mapping[str, str], body: bytes) -> Notice:
    amount = Decimal(parsed.amount)
    _check_amount(amount, "amount", provider.decimal_places, provider)
    external_id = _external_id("transaction_id", parsed.transaction_id, parsed.numbered, provider)
    account_field = "bill_id" if provider.scheme == "sha1_colon" else "account_id"
    user_id, account_id = _id("user_id", parsed.user_id), _id(account_field, parsed.account_id)
    evidence = kept_headers(headers, provider.scheme, None)
    return Notice(provider, external_id, user_id, account_id, amount, "", body.decode(), evidence)


def _mapped(
    document: dict[str, Any], provider: CachedProvider, fields: FieldMap, headers: Mapping[str, str], body: bytes
) -> Notice | Ignored:
    """Return what a document of the provider's own form says. Its errors name pointers."""
    try:
        mapped = field_maps.read(document, fields, currencies=provider.currencies, scheme=provider.scheme)
    except field_maps.OtherEvent:
        return Ignored(provider.slug)
    except field_maps.UnknownCurrency as error:
        raise InvalidNotice(str(error), "currency_not_taken", str(field_maps.UnknownCurrency.__doc__)) from None
    except MalformedEvent as error:
        raise UnreadableFields(str(error), field=error.field) from None
    return _mapped_notice(mapped, provider, fields, kept_headers(headers, provider.scheme, provider.hmac_options), body)


def _mapped_notice(
    mapped: MappedNotice, provider: CachedProvider, fields: FieldMap, headers: str, body: bytes
) -> Notice:
    transaction_id, amount, user, wallet = map(
        json_pointers.write, (fields.transaction_id, fields.amount, fields.user, fields.wallet)
    )
    _check_amount(mapped.amount, amount, provider.currencies[mapped.currency], provider)
    external_id = _external_id(transaction_id, mapped.transaction_id, mapped.numbered, provider)
    user_id = _id(user, mapped.user_id)
    account_id = _id(wallet, mapped.account_id) if fields.wallet else FIRST_WALLET
    return Notice(provider, external_id, user_id, account_id, mapped.amount, mapped.currency, body.decode(), headers)


def _check_amount(amount: Decimal, field: str, decimal_places: int, provider: CachedProvider) -> None:
    try:
        check_amount(amount, decimal_places=decimal_places, maximum=provider.max_amount)
    except InvalidAmount as error:
        raise InvalidNotice(field, error.code, str(error)) from None


def _external_id(field: str, literal: str, numbered: bool, provider: CachedProvider) -> str:
    """Return the identity of the notice: a UUID in lower case, any other id as it is."""
    is_uuid = not numbered and notices.is_uuid(literal)
    if provider.requires_uuid and not is_uuid:
        raise InvalidNotice(field, "uuid_required", "This provider's transaction ids must be UUIDs.")
    if numbered:
        _id(field, literal)
    return literal.lower() if is_uuid else literal


def _id(field: str, literal: str) -> int:
    value = int(literal)
    if not 1 <= value <= MAX_ID:
        raise InvalidNotice(field, "id_out_of_range", "An id is a whole number from 1 to 9223372036854775807.")
    return value
