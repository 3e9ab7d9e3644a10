"""Till as an ASGI application, as gunicorn loads it: Django is set up first, then what answers requests is imported."""

from config import wsgi  # noqa: F401  before the others: it sets Django up

# isort: split
from config.server.application import application

__all__ = ["application"]
