"""Money operations of users: planned once, run by a thread or by the event loop, where those that wait share a commit.

A plan says what an operation asks and locks, how it is decided, and what it writes. See `plan.MoneyPlan`.
"""
