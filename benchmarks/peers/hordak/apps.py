"""The notices and the requests of users, beside hordak's own app."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "benchmarks.peers.hordak"
    label = "webhooks"
