"""The tokens of the peer's users. They are no secret, so that the load generator need not ask for them."""


def key_of(user: int) -> str:
    """Return a key of the length that DRF gives its own."""
    return f"{user:040}"
