"""The lock of external wallets: one question for all plans, so that a batch takes them by ascending id."""

from payments.operations.plan import Questions
from postgres.parameters import BIGINT
from postgres.pipeline_connection import Rows
from postgres.questions import LockOrder, Question

_ALL = None
_LOCKED = Question(
    """
SELECT asked.n, external.label, external.currency_id, external.kind, external.details
FROM {rows} AS asked (n, owner_id, id)
JOIN payments_externalwallet external ON external.owner_id = asked.owner_id
    AND (asked.id IS NULL OR (external.id = asked.id AND external.deleted_at IS NULL))
ORDER BY external.id FOR NO KEY UPDATE OF external
""",
    *(BIGINT, BIGINT),
    order=LockOrder.EXTERNAL_WALLETS,
)


def ask_locked(questions: Questions, *, owner_id: int, external_wallet_id: int) -> Rows:
    """Lock one of the owner's that is not deleted: label, currency, kind and details."""
    return questions.ask(_LOCKED, owner_id, external_wallet_id)


def lock_all(questions: Questions, *, owner_id: int) -> None:
    """Lock all of the owner's, as whoever deletes the owner does."""
    questions.ask(_LOCKED, owner_id, _ALL)
