"""Production prints no mail, and says so where it has nobody to give mail to."""

import pytest
from pytest_django import Settings

from config.mail_checks import check_mail
from tests.support.production import manage, read_settings


def reasons(settings: Settings, **changes: str) -> list[str]:
    """The ids of what the check finds in a production with these changes."""
    read = read_settings(**changes)
    for name in ("TILL_DEBUG", "TILL_MAIL_ACTIVATION_LINK", "EMAIL_HOST"):
        setattr(settings, name, read.get(name, ""))
    return [str(message.id) for message in check_mail()]


@pytest.mark.parametrize("address", ["", "consolemail://", "dummymail://"])
def test_a_production_that_mails_nobody_is_warned_of(settings: Settings, address: str) -> None:
    assert reasons(settings, TILL_EMAIL_URL=address) == ["till.W006"]
    assert reasons(settings, TILL_EMAIL_URL=address, TILL_MAIL_ACTIVATION_LINK="0") == []


@pytest.mark.slow
def test_the_warning_is_printed_by_a_command() -> None:
    assert "till.W006" in manage("check", TILL_EMAIL_URL="").stderr


def test_production_prints_no_mail_unless_it_is_told_to() -> None:
    """The links in them open accounts, and logs are read by many."""
    assert read_settings(TILL_EMAIL_URL="")["EMAIL_BACKEND"] == "django.core.mail.backends.dummy.EmailBackend"
