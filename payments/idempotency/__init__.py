"""Idempotency keys: a request that is repeated is answered as it was the first time."""
