"""What apps above this one do with users who are new, or have another role.

They add it in AppConfig.ready(). It runs in the atomic block of the change: if it raises, nothing happened. There are
five ways to add a user, and none of them has to remember it.
"""

from collections.abc import Callable, Iterable, Sequence

from accounts.models import User

Reaction = Callable[[Sequence[User]], None]

after_insert: list[Reaction] = []
after_role_change: list[Reaction] = []


def run(reactions: Iterable[Reaction], users: Sequence[User]) -> None:
    for react in reactions:
        react(users)
