"""Sessions and messages belong to the pages of staff: nobody else's request has them, whatever cookies it brings."""

import pytest
from django.test import Client

from accounts.models import User
from tests.support.admin_pages import staff_client

OUTSIDE = ["/", "/docs", "/redoc", "/docs/errors", "/api/v1/schema", "/api/v1/wallets", "/metrics", "/health/live"]


@pytest.mark.parametrize("address", [*OUTSIDE, "/admin", "/administration", "/nothing"])
def test_a_request_outside_the_staff_site_has_no_session(db: None, admin: User, address: str) -> None:
    site = staff_client(admin)
    for visitor in (site, Client()):
        answer = visitor.get(address)
        attributes = vars(answer.wsgi_request)
        assert not {"session", "_messages"} & attributes.keys()
        assert not isinstance(attributes.get("user"), User)
        assert "Cookie" not in answer.headers.get("Vary", "")


def test_the_staff_site_knows_who_is_signed_in(admin: User) -> None:
    answer = staff_client(admin).get("/admin/")
    assert answer.status_code == 200
    assert {"session", "user", "_messages"} <= vars(answer.wsgi_request).keys()
    assert answer.wsgi_request.user == admin


def test_a_cookie_of_the_staff_site_opens_nothing_of_the_api(admin: User) -> None:
    assert staff_client(admin).get("/api/v1/users/me").status_code == 401
