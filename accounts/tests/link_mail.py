"""Reading the mail that Till sends in a test."""

import re
from typing import Any

from django.core import mail

from accounts import services


def mailed() -> list[Any]:
    """Send what is queued, and return all that was sent."""
    while services.send_next_mail():
        pass
    return mail.outbox


def newest_link() -> str:
    """Return the path of the link in the mail that was sent last."""
    [link] = re.findall(r"http://\S+?(/api/v1/\S+)", mailed()[-1].body)
    return str(link)
