"""Pages of the staff site: lists, and actions that staff confirm."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.test import Client

DEPOSITS, WITHDRAWALS, WALLETS, TRANSACTIONS, EXTERNALS = (
    f"/admin/payments/{name}/" for name in ("deposit", "withdrawal", "wallet", "transaction", "externalwallet")
)


def staff_client(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def confirm_address(page: str, action: str, *targets: Any) -> str:
    return f"{page}{action}/?{'&'.join(f'id={target.pk}' for target in targets)}"


def confirm(site: Client, page: str, action: str, *targets: Any, reason: str = "seen on the statement") -> str:
    answer = site.post(confirm_address(page, action, *targets), {"reason": reason}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def text(site: Client, path: str, **query: str) -> str:
    answer = site.get(path, query)
    assert answer.status_code == 200, path
    return answer.content.decode()


def listed(site: Client, page: str, **query: str) -> list[int]:
    answer = site.get(page, query)
    assert answer.status_code == 200
    return [row.pk for row in answer.context["cl"].result_list]


def staff_log_of(about: Any) -> list[str]:
    about_it = LogEntry.objects.filter(object_id=str(about.pk), content_type__model=about._meta.model_name)
    return [entry.change_message for entry in about_it.order_by("pk")]
