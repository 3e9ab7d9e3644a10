"""The demo's users: published, so they exist only where TILL_DEBUG is on. System checks keep them out of production."""

from typing import Final, NamedTuple

DEMO_PASSWORD: Final = "123456"  # noqa: S105  # published in the README


class DemoUser(NamedTuple):
    email: str
    full_name: str
    role: str


DEMO_USERS: Final = (
    DemoUser("user_user@example.com", "User User", "user"),  # First, so that a fresh database gives it the id 1.
    DemoUser("testuser@example.com", "Test User", "user"),
    DemoUser("admin_admin@example.com", "Admin Admin", "admin"),
    DemoUser("testadmin@example.com", "Test Admin", "admin"),
    DemoUser("service_service@example.com", "Service Service", "service"),  # settles every deposit and withdrawal
)
