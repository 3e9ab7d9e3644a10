"""Other ledgers behind the same webhook, each in an environment of its own."""
