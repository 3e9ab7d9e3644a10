"""Keys of a batch: what no key is asked for costs nothing."""

from payments.idempotency import claims
from postgres.pipeline import Pipeline


def test_requests_without_keys_ask_postgresql_nothing() -> None:
    pipeline = Pipeline()
    read = claims.queue_claim({}, pipeline)
    claims.queue_store([], pipeline)
    claims.queue_give_back([], pipeline)
    assert pipeline.statements == []
    assert read() == (set(), {})
