"""Idempotency keys of many requests in one atomic block: claimed, looked up, answered or given back."""

from collections.abc import Callable, Iterable, Sequence

from payments.idempotency.service import RecordedAnswer
from postgres.parameters import BIGINT, TEXT, RowsStatement
from postgres.pipeline import Pipeline

#: A user's id, and the key.
UserKey = tuple[int, str]

_CLAIM = RowsStatement(
    """
INSERT INTO payments_idempotencykey (user_id, key, fingerprint, body)
SELECT claim.user_id, claim.key, claim.fingerprint, '' FROM {rows} AS claim (user_id, key, fingerprint)
ORDER BY claim.user_id, claim.key ON CONFLICT (user_id, key) DO NOTHING
RETURNING user_id, key
""",
    *(BIGINT, TEXT, TEXT),
)
# Runs after the claims. So it sees the answers of those for which they have waited, and none of the new claims.
_ANSWERED = RowsStatement(
    """
SELECT known.user_id, known.key, known.fingerprint, known.status, known.body
FROM {rows} AS claim (user_id, key)
JOIN payments_idempotencykey known ON known.user_id = claim.user_id AND known.key = claim.key
WHERE known.status IS NOT NULL
""",
    *(BIGINT, TEXT),
)
_STORE = RowsStatement(
    """
UPDATE payments_idempotencykey known SET status = answer.status, body = answer.body
FROM {rows} AS answer (user_id, key, status, body)
WHERE known.user_id = answer.user_id AND known.key = answer.key
""",
    *(BIGINT, TEXT, BIGINT, TEXT),
)
_GIVE_BACK = RowsStatement(
    """
DELETE FROM payments_idempotencykey known USING {rows} AS claim (user_id, key)
WHERE known.user_id = claim.user_id AND known.key = claim.key
""",
    *(BIGINT, TEXT),
)


def queue_claim(
    fingerprints: dict[UserKey, str], pipeline: Pipeline
) -> Callable[[], tuple[set[UserKey], dict[UserKey, tuple[str, RecordedAnswer]]]]:
    """Queue the claim of keys, ascending, and a look at those that have an answer.

    The run waits for another atomic block that has claimed one of them. Returns a function that reads which keys are
    claimed, until the block ends: answer or give back each. It also reads the fingerprints and answers of those that
    were taken before. A key may be neither: its answer was pruned in this moment.
    """
    if not fingerprints:
        return lambda: (set(), {})
    rows = sorted((*key, fingerprint) for key, fingerprint in fingerprints.items())
    read_claimed = pipeline.execute_rows(rows, _CLAIM)
    read_answered = pipeline.execute_rows([row[:2] for row in rows], _ANSWERED)

    def read() -> tuple[set[UserKey], dict[UserKey, tuple[str, RecordedAnswer]]]:
        answered = {
            (user_id, key): (fingerprint, RecordedAnswer(status, body, replayed=True))
            for user_id, key, fingerprint, status, body in read_answered()
        }
        return {(user_id, key) for user_id, key in read_claimed()}, answered

    return read


def queue_store(answers: Sequence[tuple[UserKey, RecordedAnswer]], pipeline: Pipeline) -> None:
    """Queue the storing of answers to claimed keys."""
    if answers:
        pipeline.execute_rows([(*key, answer.status, answer.body) for key, answer in answers], _STORE)


def queue_give_back(keys: Iterable[UserKey], pipeline: Pipeline) -> None:
    """Queue the removal of claimed keys that get no answer, so that they may be used again."""
    if rows := [*keys]:
        pipeline.execute_rows(rows, _GIVE_BACK)
