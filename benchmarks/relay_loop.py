"""`python benchmarks/relay_loop.py`: give positions to what is new, five times a second, until it is ended.

It says "ready" when nothing is left of what was there at its start.
"""

import os
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from payments.events import relay  # noqa: E402  after the setup

PAUSE_SECONDS = 0.2
LIMIT = 5000


def main() -> None:
    catch_up()
    print("ready", flush=True)
    while True:
        catch_up()
        time.sleep(PAUSE_SECONDS)


def catch_up() -> None:
    while relay.sequence(LIMIT) >= LIMIT:
        pass


if __name__ == "__main__":
    main()
