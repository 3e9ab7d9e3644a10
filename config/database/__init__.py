"""Django's PostgreSQL backend, with sessions that are as Till needs them, whatever the server's defaults are.

A pooler in front of PostgreSQL (`TILL_POOLER`) decides what can be kept in a session: docs/decisions/0027.
"""
