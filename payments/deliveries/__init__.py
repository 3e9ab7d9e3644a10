"""Events that are sent to endpoints: signed, retried, at least once, and never to an address that is not allowed."""
