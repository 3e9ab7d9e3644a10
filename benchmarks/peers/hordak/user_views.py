"""What users ask, in thin DRF views with a token. The account with a user's id is the user's.

A transfer is stored under its key and booked by hordak's own `transfer_to` in one atomic block. Nobody looks whether
the source has the money: hordak keeps no balance, and would add up all its legs.
"""

from typing import Any

from django.db import IntegrityError, transaction
from django.http import Http404
from hordak.models import Account, Leg  # type: ignore[import-not-found]  # in the peer's environment only
from moneyed import Money  # type: ignore[import-not-found]  # likewise
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.peers.hordak.models import StoredTransfer

MAX_PAGE = 100


class TransferRequest(serializers.Serializer[Any]):
    source = serializers.IntegerField(min_value=1)  # type: ignore[assignment]  # the stubs mean Field.source
    destination = serializers.IntegerField(min_value=1)
    amount = serializers.DecimalField(max_digits=20, decimal_places=2, min_value=0)


def own(user: Any, wallet: int) -> Any:
    """Return the user's account. Raises Http404."""
    if user.pk != wallet:
        raise Http404
    return Account.objects.get(pk=wallet)


class TransferView(APIView):
    def post(self, request: Request) -> Response:
        form = TransferRequest(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        source = own(request.user, wanted["source"])
        names = {"user_id": request.user.pk, "key": request.headers["Idempotency-Key"]}
        try:
            with transaction.atomic():
                stored = StoredTransfer.objects.create(
                    **names, source_id=source.pk, destination_id=wanted["destination"], amount=wanted["amount"]
                )
                # Credits the first account, debits the second: hordak's words for liabilities.
                destination = Account.objects.get(pk=wanted["destination"])
                destination.transfer_to(source, Money(wanted["amount"], "USD"))
        except IntegrityError:
            stored = StoredTransfer.objects.get(**names)
        return Response({"id": stored.pk, **wanted}, 201)


class WalletView(APIView):
    def get(self, request: Request, wallet: int) -> Response:
        account = own(request.user, wallet)
        return Response({"id": account.pk, "currency": "USD", "balance": str(account.get_balance()["USD"].amount)})


class TransactionsView(APIView):
    def get(self, request: Request) -> Response:
        limit = min(int(request.query_params["limit"]), MAX_PAGE)
        legs = Leg.objects.filter(account_id=request.user.pk).select_related("transaction").order_by("-pk")[:limit]
        return Response({"results": [shape(leg) for leg in legs]})


def shape(leg: Any) -> dict[str, Any]:
    return {
        "id": leg.transaction_id,
        "description": leg.transaction.description,
        "kind": leg.type,
        "amount": str(leg.amount.amount),
        "currency": leg.currency,
        "created_at": leg.transaction.timestamp,
    }
