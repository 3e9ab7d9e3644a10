"""Production prints no mail, and says so where it has nobody to give mail to."""

import pytest

from tests.project.test_checks import manage

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("address", ["", "consolemail://", "dummymail://"])
def test_a_production_that_mails_nobody_is_warned_of(address: str) -> None:
    assert "till.W006" in manage("check", TILL_EMAIL_URL=address).stderr
    assert "till.W006" not in manage("check", TILL_EMAIL_URL=address, TILL_MAIL_ACTIVATION_LINK="0").stderr


def test_production_prints_no_mail_unless_it_is_told_to() -> None:
    """The links in them open accounts, and logs are read by many."""
    show = ("shell", "--no-imports", "-c", "from django.conf import settings; print(settings.EMAIL_BACKEND)")
    assert manage(*show, TILL_EMAIL_URL="").stdout.strip() == "django.core.mail.backends.dummy.EmailBackend"
