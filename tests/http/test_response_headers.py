"""What browsers and caches may do with answers; which methods addresses know; the OpenAPI document, made once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from zlib import crc32

import httpx
import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from accounts.tokens import open_family
from catalog.services import create_product
from config.docs_pages import SchemaView, stored_document
from config.server.response_headers import STAFF_POLICY
from tests.http.test_asgi import Conversation, part
from tests.support.http import PLAIN
from tests.support.live import LiveTill, UncheckedTill

pytestmark = pytest.mark.slow

METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "BREW")
USUAL = ("GET", "POST", "HEAD", "OPTIONS")
client = Client(raise_request_exception=False)


def signed_in(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {open_family(user=user).access}"}


# --- caches ---


@pytest.mark.django_db
def test_nobody_keeps_a_copy_of_tokens_or_money(alice: User) -> None:
    for address in ("wallets", "transactions", "users/me", "purchases", "deposits", "nowhere"):
        answer = client.get(f"/api/v1/{address}", headers=signed_in(alice))
        assert answer.headers["Cache-Control"] == "no-store", address
    for address in ("login", "refresh", "register"):
        answer = client.post(f"/api/v1/auth/{address}", {}, "application/json")
        assert answer.headers["Cache-Control"] == "no-store", address


@pytest.mark.django_db
def test_answers_of_the_event_loop_are_kept_by_nobody_either() -> None:
    spoken = Conversation(part(b""))
    spoken.scope |= {"path": "/health/live", "method": "GET"}
    assert spoken.run().headers["cache-control"] == "no-store"


@pytest.mark.django_db
def test_products_may_be_kept_by_the_browser_that_asks_before_it_shows_them(alice: User) -> None:
    pen = create_product(title="Pen", description="Blue.", price=Decimal(25), currency="USD")
    address = f"/api/v1/products/{pen.pk}"
    answer = client.get(address, headers=signed_in(alice))
    assert answer.headers["Cache-Control"] == "private, no-cache"
    tag = answer.headers["ETag"]
    for held in (tag, f"W/{tag}", tag[:-1] + '-gzip"', f'"x", W/{tag}'):
        again = client.get(address, headers={**signed_in(alice), "If-None-Match": held})
        assert (again.status_code, again.headers["Cache-Control"]) == (304, "private, no-cache"), held


# --- the staff site ---


@pytest.mark.django_db
def test_staff_pages_run_and_load_nothing_strange(admin: User) -> None:
    staff = Client()
    assert staff.get("/admin/login/").headers["Content-Security-Policy"] == STAFF_POLICY
    staff.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    for address in ("/admin/", "/admin/accounts/user/", "/admin/nowhere/", "/admin/catalog/product/add/"):
        answer = staff.get(address)
        assert answer.headers["Content-Security-Policy"] == STAFF_POLICY, address
        page = answer.content.decode()
        assert 'style="' not in page, address
        assert "<style" not in page, address
        assert "<script>" not in page, address


# --- methods ---


def addresses(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            yield prefix + filled(entry)
        else:
            yield from addresses(entry, prefix + str(entry.pattern).lstrip("^"))


def filled(entry: URLPattern) -> str:
    """Return the address with 1 or USD for whatever it takes."""
    text = str(entry.pattern).lstrip("^").replace("\\Z", "").rstrip("$")
    while "(?P<" in text:
        begin = text.index("(?P<")
        end = begin + 1 + text[begin:].replace("\\)", "  ").index(")")
        text = text[:begin] + ("USD" if "A-Z" in text[begin:end] else "1") + text[end:]
    while "<" in text:
        text = text[: text.index("<")] + "1" + text[text.index(">") + 1 :]
    return text.replace("/?", "")


def methods_of(address: str, *, every: bool) -> tuple[str, ...]:
    """All methods; or the most usual and one of the others, the same one whatever addresses there are beside it."""
    others = [method for method in METHODS if method not in USUAL]
    return METHODS if every else (*USUAL, others[crc32(address.encode()) % len(others)])


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.torture)])
@pytest.mark.django_db
def test_no_method_breaks_an_address(admin: User, every: bool) -> None:
    """Five methods are tried on each address, and all ten in `make torture`."""
    urls = sorted(set(addresses(get_resolver())))
    assert "/docs" in urls
    assert len(urls) > 100
    staff = Client(raise_request_exception=False)
    for address in urls:
        if SESSION_KEY not in staff.session:  # the address before may have been that of the logout
            staff.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
        for method in methods_of(address, every=every):
            for somebody in (client, staff):
                assert somebody.generic(method, address).status_code != 500, f"{method} {address}"


@pytest.mark.parametrize("address", ["/docs", "/redoc", "/api/v1/schema"])
def test_a_page_of_the_documentation_has_no_options(address: str) -> None:
    answer = client.options(address)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


# --- the OpenAPI document ---

FORMS = {"json": "application/vnd.oai.openapi+json", "yaml": "application/vnd.oai.openapi"}


@pytest.mark.parametrize("form", FORMS)
def test_the_document_is_answered_from_memory_until_it_changes(form: str) -> None:
    answer = client.get("/api/v1/schema", {"format": form})
    assert answer.status_code == 200
    assert answer.content in {stored_document(renderer).body for renderer in SchemaView.renderer_classes}
    assert answer.headers["Cache-Control"] == "no-cache"
    tag = answer.headers["ETag"]
    for held in (tag, f"W/{tag}"):
        again = client.get("/api/v1/schema", {"format": form}, headers={"If-None-Match": held})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)


@pytest.fixture
def single_worker(committed_db: None) -> Iterator[LiveTill]:
    till = UncheckedTill(TILL_WORKERS="1")
    till.start()
    yield till
    till.stop()


def test_forty_first_readers_at_once_all_get_the_document(single_worker: LiveTill) -> None:
    def read(number: int) -> int:
        form, url = ("json", "yaml")[number % 2], f"{single_worker.url}/api/v1/schema"
        return httpx.get(url, params={"format": form}, timeout=60, verify=PLAIN).status_code

    with ThreadPoolExecutor(40) as threads:
        assert set(threads.map(read, range(40))) == {200}


@pytest.mark.parametrize("folder", ["", "config/", "admin/", "admin/css/", "admin/css"])
def test_no_folder_of_static_files_is_listed(db: None, folder: str) -> None:
    assert client.get(f"/static/{folder}").status_code == 404
