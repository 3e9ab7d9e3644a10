"""manage.py send_mail"""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.services import outgoing_mail


class Command(BaseCommand):
    help = (
        "Send the mail that is due. The service does it by itself; for a timer where it does not, harmless at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        tried = 0
        while outgoing_mail.send_next_mail():
            tried += 1
        outgoing_mail.prune_mail()
        self.stdout.write(f"{tried} mails tried, {outgoing_mail.waiting_mail()} waiting")
