"""What staff are told of endpoints that Till switched off by itself."""

import logging

from accounts.models import OutgoingMail, Role, User
from accounts.services.outgoing_mail import queue_mail
from payments.deliveries.models import EventEndpoint

logger = logging.getLogger("till.events")


def endpoint_was_disabled(endpoint_id: int, reason: EventEndpoint.DisabledReason) -> None:
    """Log it, and mail it to every active admin. Its page in /admin shows the reason."""
    logger.error("endpoint %s was switched off: %s", endpoint_id, reason.label)
    admins = User.objects.filter(role=Role.ADMIN, is_active=True)
    queue_mail(users=admins, kind=OutgoingMail.Kind.ENDPOINT_DISABLED)
