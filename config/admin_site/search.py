"""One search over everything that has an id, an email, a reference, or a provider's id.

Each question is one that an index answers, and brings a few rows. A part of an email or of a name is for the search of
the list of users, which reads them all.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.admin import AdminSite
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from api.filters import id_or_none
from catalog.models import Product, Purchase, Refund
from payments.models import (
    Currency,
    Deposit,
    Exchange,
    ExternalWallet,
    Provider,
    Quote,
    Transaction,
    Transfer,
    Wallet,
    WebhookEvent,
    Withdrawal,
)
from payments.webhooks.queries.filters import with_external_id
from payments.webhooks.queries.search import credited_transaction_ids

#: Of one kind. Of more, the newest are shown.
MAX_HITS = 10

FoundRows = QuerySet[Any]


class SearchHit(NamedTuple):
    text: str
    url: str


class SearchGroup(NamedTuple):
    title: str
    hits: list[SearchHit]
    has_more: bool


def _nothing_else(_term: str) -> Iterable[FoundRows]:
    return ()


@dataclass(frozen=True)
class SearchKind:
    """Where the term is looked for: a number in `ids`, any text in `texts`, and what else there is by `more`."""

    model: type[Model]
    ids: tuple[str, ...] = ("pk",)
    texts: tuple[str, ...] = ()
    more: Callable[[str], Iterable[FoundRows]] = _nothing_else
    related: tuple[str, ...] = ()

    def find(self, term: str) -> SearchGroup:
        pks = {pk for rows in self._questions(term) for pk in rows.order_by().values_list("pk", flat=True)[:_ENOUGH]}
        newest = sorted(pks, reverse=True)[:MAX_HITS]
        rows = self.model._default_manager.select_related(*self.related).filter(pk__in=newest) if newest else []
        hits = [SearchHit(str(row), _page(row)) for row in sorted(rows, key=lambda row: row.pk, reverse=True)]
        return SearchGroup(str(self.model._meta.verbose_name_plural), hits, has_more=len(pks) > MAX_HITS)

    def _questions(self, term: str) -> Iterable[FoundRows]:
        """Ask one by one: of an OR, PostgreSQL might read the whole table."""
        objects, number = self.model._default_manager, id_or_none(term)
        if number:
            yield from (objects.filter(**{name: number}) for name in self.ids)
        yield from (objects.filter(**{name: term}) for name in self.texts)
        yield from self.more(term)


_ENOUGH = MAX_HITS + 1


def _page(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _with_email(term: str) -> Iterable[FoundRows]:
    return [User.objects.with_email(term)] if "@" in term else []


def _credited(term: str) -> Iterable[FoundRows]:
    """Find the transactions that credited what a provider calls this."""
    return [Transaction.objects.filter(pk__in=credited_transaction_ids(term))]


def _called_by_providers(term: str) -> Iterable[FoundRows]:
    return [WebhookEvent.objects.filter(with_external_id(term))]


_BOOKED = ("pk", "transaction_id")
KINDS = (
    SearchKind(User, more=_with_email),
    SearchKind(Wallet, ids=("pk", "owner_id")),
    SearchKind(Deposit, ids=_BOOKED, texts=("reference", "bank_reference")),
    SearchKind(Withdrawal, ids=_BOOKED, texts=("reference", "bank_reference")),
    SearchKind(WebhookEvent, ids=_BOOKED, more=_called_by_providers, related=("provider",)),
    SearchKind(Transaction, more=_credited),
    SearchKind(Transfer, ids=_BOOKED, texts=("reference",)),
    SearchKind(Exchange, ids=_BOOKED, texts=("reference",)),
    SearchKind(Quote),
    SearchKind(Purchase, ids=_BOOKED, texts=("reference",)),
    SearchKind(Refund, ids=_BOOKED),
    SearchKind(ExternalWallet),
    SearchKind(Product),
    SearchKind(Provider, texts=("slug",)),
    SearchKind(Currency, ids=(), texts=("code",)),
)


def search_everything(site: AdminSite, request: HttpRequest, term: str) -> list[SearchGroup]:
    """Return what was found, by kind, of the kinds that this member of staff may look at."""
    kinds = [kind for kind in KINDS if site.get_model_admin(kind.model).has_view_permission(request)]
    return [group for kind in kinds if (group := kind.find(term)).hits]
