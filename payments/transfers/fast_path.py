"""Transfers, as the event loop takes them: to a wallet. What names an email goes to the view."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from accounts.models import Role, User
from api.plain_members import are_known, plain_amount, plain_id, plain_text
from payments.metadata.members import NAMES, plain_attached
from payments.operations.fast_operation import FastOperation
from payments.transfers.models import Transfer
from payments.transfers.plan import TransferPlan
from payments.transfers.serializers import NOTE_MAX_LENGTH, transfer_answer


def _plan(user_id: int, data: Mapping[str, Any], _id: int | None) -> TransferPlan | None:
    source_id, destination_id = plain_id(data.get("source")), plain_id(data.get("destination"))
    amount, note = plain_amount(data.get("amount")), plain_text(data.get("note", ""), NOTE_MAX_LENGTH)
    attached = plain_attached(data)
    is_plain = (
        are_known(data, "source", "destination", "amount", "note", *NAMES) and not settings.TILL_TRANSFER_DAILY_LIMITS
    )
    if not is_plain or source_id is None or destination_id is None:
        return None
    if amount is None or note is None or attached is None:
        return None
    return TransferPlan(
        user_id=user_id,
        source_id=source_id,
        destination_id=destination_id,
        amount=amount,
        note=note,
        attached=attached,
    )


def _answer(user: User, sent: Transfer) -> dict[str, Any]:
    sent.user = user
    return transfer_answer(sent)


SEND = FastOperation(role=Role.USER, status=201, plan=_plan, answer=_answer)
