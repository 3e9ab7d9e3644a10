"""The thread that sends queued mail, one in each worker. They share the queue, and may be replaced by one process."""

import logging
import threading

from django.conf import settings
from django.db import Error, connections

from accounts.services import outgoing_mail

logger = logging.getLogger("till.mail")

#: Seconds between two looks at the queue when nobody in this process has queued anything.
LOOK_SECONDS = 15

_stopped = threading.Event()


def start() -> None:
    """Begin to send in a thread of this process, unless mails are switched off."""
    if settings.TILL_MAIL_ACTIVATION_LINK:
        threading.Thread(target=_run, name="mail sender", daemon=True).start()


def stop() -> None:
    """Take no further mail; one that is being sent may be finished, or is sent again by another process."""
    _stopped.set()
    outgoing_mail.queued.set()


def _run() -> None:
    while not _stopped.is_set():
        outgoing_mail.queued.clear()
        _send_what_is_due()
        outgoing_mail.queued.wait(LOOK_SECONDS)


def _send_what_is_due() -> None:
    try:
        while not _stopped.is_set() and outgoing_mail.send_next_mail():
            pass
        outgoing_mail.prune_mail()
    except Error as error:  # the database is away; the next look finds the same mails
        logger.warning("the mail queue cannot be read: %s", str(error).strip().splitlines()[:1])
    except Exception:
        logger.exception("the mail sender failed; it goes on")
    finally:
        connections.close_all()  # back to the pool, until the next look
