"""Requests for orders and their settlement as plans: what each asks and locks, and how it is decided."""
