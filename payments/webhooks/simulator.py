"""A simulated provider: notices signed with a provider's own secret, sent to a Till over HTTP."""

import http.client
import json
import random
import secrets
import shlex
import time
import uuid
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from urllib.parse import urlsplit

from payments.webhooks import signatures, simulated_documents
from payments.webhooks.addresses import FIXED_PATHS, PREFIX
from payments.webhooks.json_pointers import PointerTokens
from payments.webhooks.models import Provider
from payments.webhooks.notices import Number, ParsedNotice

TIMEOUT_SECONDS = 60
#: JSON literals by the names of their fields, in the order in which they are written.
Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    path: str
    headers: Mapping[str, str]
    body: str
    #: The header with the signature, of a document with a form of the provider's own.
    signature_header: str = ""
    #: Where the fields stand in such a document.
    pointers: Mapping[str, PointerTokens] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """`code` is `credited`, `duplicate`, the problem's code, or what the connection died of (status 0)."""

    status: int
    code: str
    seconds: float


def fields(provider: Provider, *, user_id: int, account_id: int, amount: str) -> dict[str, str]:
    """Return a new notice in the provider's form; the amount stands as it was given, or in the provider's unit.

    Raises ValueError when the amount is no whole number of that unit.
    """
    if mapped := provider.field_map():
        return simulated_documents.fields(provider, mapped, user_id=user_id, account_id=account_id, amount=amount)
    numbers = provider.scheme == Provider.Scheme.SHA1_COLON
    return {
        "transaction_id": str(secrets.randbelow(2**53) + 1) if numbers else json.dumps(str(uuid.uuid4())),
        "user_id": str(user_id),
        "bill_id" if numbers else "account_id": str(account_id),
        "amount": amount,
    }


def sign(provider: Provider, notice: Fields) -> Delivery:
    path = FIXED_PATHS.get(provider.slug, PREFIX + provider.slug)
    if mapped := provider.field_map():
        return _sign_document(path, provider, notice, simulated_documents.pointers(mapped))
    if provider.scheme == Provider.Scheme.STANDARD_WEBHOOKS:
        return _sign_standard(path, provider.secret, _json(notice))
    transaction_id, user_id, account_id, amount = (text.strip('"') for text in notice.values())
    unsigned = ParsedNotice(transaction_id, user_id, account_id, amount, signature=None, numbered=False)
    scheme = signatures.sha1_colon if provider.scheme == Provider.Scheme.SHA1_COLON else signatures.sha256_concat
    signature = scheme(unsigned, provider.secret)
    return Delivery(path, _headers(), _json({**notice, "signature": json.dumps(signature)}))


def _sign_standard(path: str, secret: str, body: str) -> Delivery:
    message_id, timestamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    signature = signatures.standard_webhooks(
        message_id=message_id, timestamp=timestamp, body=body.encode(), secret=secret
    )
    signed = {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}
    return Delivery(path, _headers() | signed, body)


def _sign_document(path: str, provider: Provider, notice: Fields, pointers: Mapping[str, PointerTokens]) -> Delivery:
    body = simulated_documents.write(notice, pointers)
    options, seconds = provider.hmac_options(), str(int(time.time()))
    if options:
        header = options.header
        signature = signatures.hmac_body(body=body.encode(), secret=provider.secret, options=options)
    else:
        header = "stripe-signature"
        signed = signatures.stripe(timestamp=seconds, body=body.encode(), secret=provider.secret)
        signature = f"t={seconds},v1={signed}"
    return Delivery(path, _headers() | {header: signature}, body, header, pointers)


def tamper(delivery: Delivery, name: str) -> Delivery:
    """Change one field after it was signed. Raises KeyError when the notice has no such field."""
    header = f"webhook-{name}"
    if header in delivery.headers:
        return replace(delivery, headers={**delivery.headers, header: delivery.headers[header][:-2] + "x="})
    if header := delivery.signature_header:
        if name == "signature":
            signature = delivery.headers[header]
            changed = signature[:-1] + ("0" if signature[-1] != "0" else "1")
            return replace(delivery, headers={**delivery.headers, header: changed})
        return replace(delivery, body=simulated_documents.tamper(delivery.body, delivery.pointers[name]))
    literals = json.loads(delivery.body, parse_int=Number, parse_float=Number)
    value = literals[name]
    literals[name] = Number(f"1{value}") if isinstance(value, Number) else _other_digit(value)
    texts = {key: text if isinstance(text, Number) else json.dumps(text) for key, text in literals.items()}
    return replace(delivery, body=_json(texts))


def _other_digit(text: str) -> str:
    return ("1" if text[0] != "1" else "2") + text[1:]


def _json(literals: Fields) -> str:
    return "{" + ", ".join(f'"{name}": {literal}' for name, literal in literals.items()) + "}"


def _headers() -> dict[str, str]:
    return {"Content-Type": "application/json"}


def curl(url: str, delivery: Delivery) -> str:
    """Return a command for a shell that sends exactly this."""
    headers = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in delivery.headers.items())
    return f"curl -i -X POST {shlex.quote(url + delivery.path)} {headers} --data-raw {shlex.quote(delivery.body)}"


def repeated(deliveries: Iterable[Delivery], *, repeats: int) -> list[Delivery]:
    """Return each delivery and its repeats, shuffled."""
    shuffled = [delivery for delivery in deliveries for _ in range(1 + repeats)]
    random.shuffle(shuffled)
    return shuffled


def send(url: str, deliveries: Iterable[Delivery], *, parallel: int) -> Generator[DeliveryResult]:
    """Send over `parallel` connections that stay open; yield the results in the order of the deliveries.

    When it is closed early, only the requests under way are still sent.
    """
    address = urlsplit(url)
    idle: SimpleQueue[http.client.HTTPConnection] = SimpleQueue()
    for _ in range(parallel):
        idle.put(http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS))

    def send_one(delivery: Delivery) -> DeliveryResult:
        connection = idle.get()
        try:
            return _send(connection, delivery)
        finally:
            idle.put(connection)

    threads = ThreadPoolExecutor(parallel)
    try:
        yield from threads.map(send_one, deliveries)
    finally:
        # Cancel what is queued: an interrupt inside `map` leaves its deliveries in the queue.
        threads.shutdown(cancel_futures=True)
        while not idle.empty():
            idle.get().close()


def _send(connection: http.client.HTTPConnection, delivery: Delivery) -> DeliveryResult:
    started = time.perf_counter()
    try:
        connection.request("POST", delivery.path, delivery.body.encode(), dict(delivery.headers))
        response = connection.getresponse()
        status, content = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return DeliveryResult(0, type(error).__name__, time.perf_counter() - started)
    return DeliveryResult(status, _code(content), time.perf_counter() - started)


def _code(content: bytes) -> str:
    try:
        answer = json.loads(content)
        return str(answer.get("code") or ("duplicate" if answer["duplicate"] else answer["status"]))
    except (ValueError, KeyError, AttributeError):
        return "not Till's answer"
