"""The webhook notices beside hordak's own app."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "benchmarks.peers.hordak"
    label = "webhooks"
