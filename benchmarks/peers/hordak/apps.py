"""The inbox beside hordak's own app."""

from django.apps import AppConfig


class InboxConfig(AppConfig):
    name = "benchmarks.peers.hordak"
    label = "inbox"
