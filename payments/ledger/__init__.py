"""Wallets, transactions and postings, and the one door to them: payments.ledger.booking."""
