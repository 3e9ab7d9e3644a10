"""`python -m config.server.healthcheck`: exits 0 when the server here answers. For the container; no Django."""

import sys
from http.client import HTTPConnection, HTTPException

from config.environment import Environment


def is_alive(env: Environment) -> bool:
    """Ask as the proxy in front would: with a host that is served, over what counts as HTTPS."""
    host = env.names("TILL_ALLOWED_HOSTS", default=["localhost"])[0].lstrip(".")
    connection = HTTPConnection("127.0.0.1", env.number("PORT", 8000, minimum=1, maximum=65535), timeout=4)
    try:
        connection.request("GET", "/health/live", headers={"Host": host, "X-Forwarded-Proto": "https"})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_alive(Environment()) else 1)
