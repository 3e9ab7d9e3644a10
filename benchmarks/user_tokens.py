"""`python benchmarks/user_tokens.py FIRST COUNT`: log so many users in, by Till's own code, and print their tokens.

One access token on each line. A login over HTTP checks the password for a thirtieth of a second, this one does not.
"""

import os
import sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()

from django.db import transaction  # noqa: E402  after the setup

from accounts.models import User  # noqa: E402
from accounts.tokens import open_family  # noqa: E402


@transaction.atomic
def main(first: int, count: int) -> None:
    for user in User.objects.filter(pk__range=(first, first + count - 1)).order_by("pk"):
        print(open_family(user=user).access)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
