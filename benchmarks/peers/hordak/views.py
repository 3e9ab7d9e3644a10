"""The webhook: verify, note it under its unique key, book by hordak's own `transfer_to`, all in one atomic block."""

import hashlib
import hmac
import json
from decimal import Decimal
from functools import cache
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from hordak.models import Account  # type: ignore[import-not-found]  # in the peer's environment only
from moneyed import Money  # type: ignore[import-not-found]  # likewise

from benchmarks.peers.hordak.models import StoredNotice

SECRET = "appkey"
CLEARING_CODE = "0"


@cache
def clearing() -> Any:
    """Read once in a process: it never changes."""
    return Account.objects.get(code=CLEARING_CODE)


def receive(request: HttpRequest) -> JsonResponse:
    notice = json.loads(request.body, parse_float=str)
    text = ":".join(str(notice[name]) for name in ("transaction_id", "user_id", "bill_id", "amount"))
    expected = hashlib.sha1(f"{SECRET}:{text}".encode()).hexdigest()  # noqa: S324 - the provider's choice
    if not hmac.compare_digest(expected, notice["signature"]):
        return JsonResponse({"code": "invalid_signature"}, status=401)
    try:
        duplicate = not credit(notice)
    except Account.DoesNotExist:
        return JsonResponse({"code": "wallet_not_found"}, status=404)
    return JsonResponse({"status": "credited", "duplicate": duplicate, "transaction_id": notice["transaction_id"]})


def credit(notice: dict[str, Any]) -> bool:
    """False: it was credited before."""
    amount = Decimal(notice["amount"])
    try:
        with transaction.atomic():
            StoredNotice.objects.create(
                external_id=notice["transaction_id"],
                user_id=notice["user_id"],
                account_id=notice["bill_id"],
                amount=amount,
            )
            # Its primary key is the wallet's id. Credits the first account, debits the second: hordak's words.
            Account.objects.get(pk=notice["bill_id"]).transfer_to(clearing(), Money(amount, "USD"))
    except IntegrityError:
        return False
    return True


def ready(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(clearing()))
