"""Providers with documents of their own, one of each preset."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_django.plugin import DjangoDbBlocker

from payments.models import Provider
from payments.webhooks.presets import PRESETS
from payments.webhooks.receiving.provider_cache import provider_cache
from tests.support import recipes
from tests.support.documents import SECRETS


def make_provider(slug: str) -> Provider:
    """The provider of a preset, under its name, with the secret that its documents are signed with."""
    fields: dict[str, Any] = {**PRESETS[slug].values, "slug": slug, "secret": SECRETS[slug]}
    provider: Provider = recipes.provider.make(**fields)
    return provider


@contextmanager
def committed_providers(blocker: DjangoDbBlocker, *slugs: str) -> Iterator[None]:
    """Providers that other processes see. They must go after the events, and no test empties their table."""
    with blocker.unblock():
        providers = [make_provider(slug) for slug in slugs]
    yield
    with blocker.unblock():
        for provider in providers:
            provider.delete()
        provider_cache.invalidate()
