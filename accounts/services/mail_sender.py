"""The thread that sends queued mail: of a background worker, or, while none is alive, of each process that serves."""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import Error, connections

from accounts.services import mail_lease, outgoing_mail

logger = logging.getLogger("till.mail")

#: Seconds between two looks at the queue when nobody in this process has queued anything.
LOOK_SECONDS = 15
#: The same for a worker, which learns of nothing that others queue; and between two renewals of its lease.
WORKER_LOOK_SECONDS = 2
RENEW_SECONDS = 15

_running: "list[tuple[MailSender, threading.Thread]]" = []


def start(*, is_worker: bool = False) -> None:
    """Begin to send in a thread of this process, unless mails are switched off."""
    if settings.TILL_MAIL_ACTIVATION_LINK:
        sender = MailSender(is_worker=is_worker)
        thread = threading.Thread(target=_run, args=(sender,), name="mail sender", daemon=True)
        thread.start()
        _running.append((sender, thread))


def stop(*, seconds: float = 0) -> None:
    """Take no further mail, and wait so long for the end of the thread.

    A mail that is being sent may be finished, or is sent again by another process.
    """
    for sender, _thread in _running:
        sender.stopped.set()
    outgoing_mail.queued.set()
    for _sender, thread in _running if seconds else ():
        thread.join(seconds)


class MailSender:
    def __init__(self, *, is_worker: bool) -> None:
        self.is_worker = is_worker
        self.pause = WORKER_LOOK_SECONDS if is_worker else LOOK_SECONDS
        self.stopped = threading.Event()
        self._renew_at = 0.0

    def send_due(self) -> None:
        """Send what is due; as a process that serves, only while no worker is alive. Raises Django's Error."""
        if not self.is_worker and mail_lease.is_held():
            return
        self.renew()
        while not self.stopped.is_set() and outgoing_mail.send_next_mail():
            self.renew()
        outgoing_mail.prune_mail()

    def renew(self) -> None:
        """Renew a worker's lease from time to time."""
        if self.is_worker and time.monotonic() >= self._renew_at:
            mail_lease.renew()
            self._renew_at = time.monotonic() + RENEW_SECONDS

    def end(self) -> None:
        if self.is_worker:
            mail_lease.give_up()


def _run(sender: MailSender) -> None:
    while not sender.stopped.is_set():
        outgoing_mail.queued.clear()
        _quietly(sender.send_due)
        if not sender.stopped.is_set():
            outgoing_mail.queued.wait(sender.pause)
    _quietly(sender.end)


def _quietly(function: Callable[[], None]) -> None:
    try:
        function()
    except Error as error:  # the database is away; the next look finds the same mails
        logger.warning("the mail queue cannot be read: %s", str(error).strip().splitlines()[:1])
    except Exception:
        logger.exception("the mail sender failed; it goes on")
    finally:
        connections.close_all()  # back to the pool, until the next look
