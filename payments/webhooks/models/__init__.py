"""The tables of providers and of what they sent."""

from payments.webhooks.models.events import WebhookEvent
from payments.webhooks.models.providers import Provider

__all__ = ["Provider", "WebhookEvent"]
