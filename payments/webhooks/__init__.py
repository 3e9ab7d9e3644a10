"""Signed notices of payment providers: who sends them, what they say, what comes of them."""
