"""Credit a batch in a thread, which may wait. When the batch fails, credit its notices in parts or one by one."""

from collections.abc import Sequence

from django.db import DataError, IntegrityError, OperationalError

from payments.ledger import booking
from payments.webhooks.receiving.batch import credit_steps
from payments.webhooks.receiving.counting import count
from payments.webhooks.receiving.first_wallets import wallets_of
from payments.webhooks.receiving.outcomes import Notice, Outcome
from postgres import pipeline

#: Attempts at a notice that collides with others: they open the same wallet, or have the same transaction id.
MAX_ATTEMPTS = 6
#: serialization failure, deadlock, lock_timeout
_BUSY_SQLSTATES = {"40001", "40P01", "55P03"}


def credit(notices: Sequence[Notice]) -> list[Outcome | Exception]:
    """Credit the notices as one batch, each exactly once. Returns their outcomes in order, durable by then.

    A notice that makes the batch fail does not fail its neighbours: after a failed batch they are credited in parts or
    one by one. An exception among the outcomes belongs to its own notice. Raises OperationalError when the database is
    lost. It is unknown what was credited before, and a repeat will tell. Locks the wallets by ascending id.
    """
    try:
        outcomes = pipeline.run(credit_steps(notices))
    except Exception as error:
        return credit_after_failure(notices, error)
    count(notices, outcomes)
    return [*outcomes]


def credit_after_failure(notices: Sequence[Notice], failure: Exception) -> list[Outcome | Exception]:
    """Credit a batch that has failed once, as `credit` does. Raises the failure when it concerns all notices."""
    if isinstance(failure, (IntegrityError, DataError, booking.SerializationConflict)):
        outcomes = _credit_one_by_one(notices)
    elif isinstance(failure, OperationalError) and len(notices) > 1 and _is_busy(failure):
        outcomes = _credit_unlocked(notices, failure)
    else:
        raise failure
    count(notices, outcomes)
    return outcomes


def _credit_unlocked(notices: Sequence[Notice], busy: OperationalError) -> list[Outcome | Exception]:
    """Refuse the notices whose wallets another session has locked, and credit the others without waiting for them."""
    wallets = pipeline.run(wallets_of(notices))
    held = booking.locked_by_others(wallets)
    free = [notice for notice, wallet in zip(notices, wallets, strict=True) if wallet not in held]
    try:
        credited = [*pipeline.run(credit_steps(free))] if held and free else _credit_one_by_one(free)
    except (IntegrityError, DataError, OperationalError, booking.SerializationConflict):
        credited = _credit_one_by_one(free)
    outcomes = iter(credited)
    return [busy if wallet in held else next(outcomes) for wallet in wallets]


def _credit_one_by_one(notices: Sequence[Notice]) -> list[Outcome | Exception]:
    """Credit each notice. When a wallet stays locked for too long, refuse its further notices without another wait."""
    outcomes: list[Outcome | Exception] = []
    held: dict[int, OperationalError] = {}
    for notice in notices:
        place = notice.account_id or -notice.user_id  # whose first wallet it is
        outcome = held.get(place) or _credit_with_retries(notice)
        if isinstance(outcome, OperationalError):
            held[place] = outcome
        outcomes.append(outcome)
    return outcomes


def _credit_with_retries(notice: Notice) -> Outcome | Exception:
    error: Exception = booking.SerializationConflict()
    for _ in range(MAX_ATTEMPTS):
        try:
            return pipeline.run(credit_steps([notice]))[0]
        except (IntegrityError, DataError, booking.SerializationConflict) as caught:
            error = caught
        except OperationalError as caught:
            if not _is_busy(caught):
                raise
            return caught
    return error


def _is_busy(error: OperationalError) -> bool:
    """Tell whether the database answers, but another session has locked what is needed."""
    return getattr(error.__cause__, "sqlstate", None) in _BUSY_SQLSTATES
