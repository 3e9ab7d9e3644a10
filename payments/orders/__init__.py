"""Deposits and withdrawals, external wallets, and who may settle what."""
