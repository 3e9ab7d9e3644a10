"""Lists: pages, filters, and query parameters that are refused."""

import base64
from typing import Any
from urllib.parse import urlsplit

import django_filters
import pytest
from django.test import Client
from django.urls import include, path
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from accounts.models import User
from api.filters import FilterSet
from api.query_parameters import StrictQueryMixin
from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as real
from tests.support import recipes


class PersonSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id", "email")


class PersonFilter(FilterSet):
    number = django_filters.NumberFilter(field_name="id")
    email = django_filters.CharFilter(lookup_expr="exact")

    class Meta:
        model = User
        fields = ("number", "email")


class PeopleView(ReadOnlyModelViewSet[User]):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    queryset = User.objects.all()
    serializer_class = PersonSerializer
    filterset_class = PersonFilter
    query_parameters = ("include",)


class ByEmailView(PeopleView):
    ordering = "email"


class AloneView(StrictQueryMixin, APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    query_parameters = ("at",)

    def get(self, request: Request) -> Response:
        return Response(request.query_params)


router = SimpleRouter(trailing_slash=False)
router.register("people", PeopleView, basename="people")
router.register("by-email", ByEmailView, basename="by-email")
urlpatterns = [path("alone", AloneView.as_view()), *router.urls, path("", include(real))]
__all__ = ["handler400", "handler403", "handler404", "handler500"]

pytestmark = [pytest.mark.postgres, pytest.mark.urls(__name__), pytest.mark.django_db]


@pytest.fixture
def user_ids() -> list[int]:
    emails = [f"person{number}@example.com" for number in range(7)]
    return [user.pk for user in recipes.user.make(email=iter(emails), _quantity=7)]


def refused(client: Client, address: str, *fields: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 400, answer.content
    errors = answer.json()["errors"]
    assert [error["field"] for error in errors] == list(fields)
    return [error["code"] for error in errors]


def walk(client: Client, address: str | None, link: str) -> list[dict[str, Any]]:
    rows = []
    while address:
        page = client.get(address).json()
        assert page.keys() == {"next", "previous", "results"}
        rows.append(page)
        address = page[link]
    return rows


def test_a_list_walks_through_all_pages_and_back(client: Client, user_ids: list[int]) -> None:
    pages = walk(client, "/people?limit=3", "next")
    assert [[row["id"] for row in page["results"]] for page in pages] == [
        user_ids[:3:-1],
        user_ids[3:0:-1],
        user_ids[:1],
    ]
    back = walk(client, pages[-1]["previous"], "previous")
    assert [row["id"] for page in back for row in page["results"]] == [*user_ids[3:0:-1], *user_ids[:3:-1]]


def test_a_list_links_with_whole_addresses_that_keep_the_filters(client: Client, user_ids: list[int]) -> None:
    link = client.get("/people?limit=1&include=wallets", headers={"Host": "localhost:8000"}).json()["next"]
    assert urlsplit(link).netloc == "localhost:8000"
    assert "include=wallets" in link
    assert "limit=1" in link
    assert user_ids


def test_a_list_lets_a_view_choose_its_order(client: Client, user_ids: list[int]) -> None:
    pages = walk(client, "/by-email?limit=4", "next")
    assert [row["id"] for page in pages for row in page["results"]] == user_ids


def test_a_list_gives_fifty_unless_asked(client: Client) -> None:
    recipes.user.make(_quantity=201, _bulk_create=True)
    assert len(client.get("/people").json()["results"]) == 50
    assert len(client.get("/people?limit=200").json()["results"]) == 200


@pytest.mark.parametrize("limit", ["0", "-1", "201", "abc", "1.0", "+5", "%D9%A3", "1e2", "9" * 5000, ""])
def test_a_list_refuses_an_odd_limit(client: Client, limit: str) -> None:
    refused(client, f"/people?limit={limit}", "limit")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!",
        "",
        "bm9uc2Vuc2U=",  # nonsense
        "cD1hYmM=",  # p=abc
        "cD0xJng9MQ==",  # p=1&x=1
        "bz0tMQ==",  # o=-1
        "bz0xJnI9eA==",  # o=1&r=x
        "%00",
        "%FF",
        "%E2%82%AC",
    ],
)
@pytest.mark.usefixtures("user_ids")
def test_a_list_refuses_a_cursor_it_did_not_give(client: Client, cursor: str) -> None:
    answer = client.get(f"/people?cursor={cursor}")
    assert answer.status_code == 400, answer.content
    assert answer.json()["code"] == ("unreadable_text" if cursor == "%00" else "invalid_request")


@pytest.mark.parametrize("inside", ["p=" + "9" * 30, "p=-" + "9" * 5000, "o=99999999", "r=1&p=1"])
@pytest.mark.usefixtures("user_ids")
def test_a_list_never_breaks_on_a_made_up_cursor(client: Client, inside: str) -> None:
    cursor = base64.b64encode(inside.encode()).decode()
    assert client.get("/people", {"cursor": cursor}).status_code in (200, 400)


# --- filters ---
def test_a_list_filters(client: Client, user_ids: list[int]) -> None:
    assert [row["id"] for row in client.get(f"/people?number={user_ids[2]}").json()["results"]] == [user_ids[2]]


def test_a_list_refuses_unknown_parameters_by_name(client: Client) -> None:
    assert refused(client, "/people?emial=x&order=id", "emial", "order") == ["unknown_parameter"] * 2


def test_a_list_refuses_values_that_a_filter_cannot_read(client: Client) -> None:
    refused(client, "/people?number=abc", "number")


def test_a_list_refuses_empty_and_repeated_parameters(client: Client) -> None:
    assert refused(client, "/people?email=", "email") == ["blank"]
    assert refused(client, "/people?number=1&number=2", "number") == ["repeated_parameter"]


@pytest.mark.usefixtures("user_ids")
def test_a_list_survives_a_number_beyond_every_column(client: Client) -> None:
    assert client.get("/people?number=" + "9" * 30).json()["results"] == []


def test_one_object_knows_only_the_views_own_parameters(client: Client, user_ids: list[int]) -> None:
    assert client.get(f"/people/{user_ids[0]}?include=wallets").status_code == 200
    for name in ("limit", "cursor", "email", "nothing"):
        assert refused(client, f"/people/{user_ids[0]}?{name}=1", name) == ["unknown_parameter"]


@pytest.mark.parametrize("number", ["9" * 19, "9" * 30, "9" * 5000, "-1", "abc", "1.0", "%D9%A3", "%FF"])
@pytest.mark.usefixtures("user_ids")
def test_one_object_with_an_id_that_cannot_be_is_404(client: Client, number: str) -> None:
    assert client.get(f"/people/{number}").status_code == 404


def test_a_view_without_a_queryset_refuses_unknown_parameters_too(client: Client) -> None:
    assert client.get("/alone?at=now").status_code == 200
    refused(client, "/alone?when=now", "when")
