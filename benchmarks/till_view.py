"""Till with its lean lane switched off: the DRF view answers the webhooks. For comparison only."""

from config import asgi
from config.server import webhook_endpoint


def _not_the_lanes(method: str, path: str) -> None:  # noqa: ARG001  in the place of lane.address
    return None


webhook_endpoint.address = _not_the_lanes

application = asgi.application
