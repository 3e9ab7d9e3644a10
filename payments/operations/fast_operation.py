"""What the event loop has to know of a money operation that it may answer."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from accounts.models import Role, User
from payments.operations.plan import MoneyPlan


class FastOperation(NamedTuple):
    """A request that writes. Each subject names its own in a module `fast_path`."""

    #: Who may.
    role: Role
    #: The status of the answer when nothing is refused.
    status: int
    #: From the user's id, the body and the id in the address, if it has one. None: the view has to look at the body.
    plan: Callable[[int, Mapping[str, Any], int | None], MoneyPlan[Any] | None]
    #: From the user and what the plan has decided to the members of the answer, exactly as the view gives them.
    answer: Callable[[User, Any], dict[str, Any]]
    #: Whether it asks for an Idempotency-Key.
    is_keyed: bool = True
