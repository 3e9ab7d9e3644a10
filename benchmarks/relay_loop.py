"""`python benchmarks/relay_loop.py`: give positions to what is new, five times a second, until it is ended."""

import os
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from payments.events import relay  # noqa: E402  after the setup

PAUSE_SECONDS = 0.2


def main() -> None:
    while True:
        while relay.sequence():
            pass
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
