"""External wallets in plans: their lock, what a settlement changes of them, and what is forgotten.

All plans lock them by one question, so a batch takes them by ascending id.
"""

from typing import Any, NamedTuple

from accounts.models import User
from payments.operations.plan import Questions, UnitOfWork
from payments.orders.models import ExternalWallet
from postgres.parameters import BIGINT, RowsStatement
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

# An external wallet, its owner, and how many pending withdrawals go there: that is fixed while it is locked.
_ACCOUNT = Question(
    """
SELECT asked.n, owner.id, owner.email, owner.is_active, external.label, external.currency_id, external.kind,
    external.details, (
        SELECT count(*) FROM payments_withdrawal withdrawal
        WHERE withdrawal.user_id = owner.id AND withdrawal.status = 'pending'
            AND withdrawal.external_wallet_id = external.id
    )
FROM {rows} AS asked (n, id)
JOIN payments_externalwallet external ON external.id = asked.id
JOIN accounts_user owner ON owner.id = external.owner_id
""",
    BIGINT,
)
# What `services.external_wallets.forget_external_wallets` does, for owners of settled withdrawals.
_FORGOTTEN = RowsStatement(
    """
UPDATE payments_externalwallet AS external
SET label = 'deleted', details = '{}', deleted_at = coalesce(external.deleted_at, statement_timestamp())
FROM {rows} AS r (owner_id) WHERE external.owner_id = r.owner_id AND NOT EXISTS (
    SELECT FROM payments_withdrawal withdrawal
    WHERE withdrawal.external_wallet_id = external.id AND withdrawal.status = 'pending'
)
""",
    BIGINT,
)


class _Account(NamedTuple):
    owner_id: int
    email: str
    is_active: bool
    label: str
    currency: str
    kind: str
    details: Any
    pending: int

    @property
    def owner(self) -> User:
        return User(pk=self.owner_id, email=self.email, is_active=self.is_active)


def ask_locked(questions: Questions, *, owner_id: int, external_wallet_id: int) -> Rows:
    """Lock one of the owner's that is not deleted: label, currency, kind and details."""
    return questions.ask(_LOCKED, owner_id, external_wallet_id)


def lock_all(questions: Questions, *, owner_id: int) -> None:
    """Lock all of the owner's, as whoever deletes the owner does."""
    questions.ask(_LOCKED, owner_id, _ALL)


def ask_account(questions: Questions, external_wallet_id: int) -> Rows:
    """Ask for an external wallet, all of whose owner's are locked, and for its owner."""
    return questions.ask(_ACCOUNT, external_wallet_id)


def settle_account(work: UnitOfWork, answer: Rows) -> None:
    """Note that a withdrawal no longer goes there. Scrub what was kept only for it, if the owner was deleted."""
    account = _Account(*answer[0])
    account = account._replace(pending=account.pending - 1)
    if account.owner.is_deleted:
        work.update(_FORGOTTEN, account.owner_id)
        if not account.pending:
            account = account._replace(label="deleted", details={})
    work.change_answer(answer, *account)


def account_from(answer: Rows, external_wallet_id: int) -> tuple[ExternalWallet, User]:
    """Return the external wallet as the batch leaves it, and its owner."""
    account = _Account(*answer[0])
    external = ExternalWallet(
        pk=external_wallet_id,
        owner_id=account.owner_id,
        label=account.label,
        currency_id=account.currency,
        kind=account.kind,
        details=account.details,
    )
    return external, account.owner
