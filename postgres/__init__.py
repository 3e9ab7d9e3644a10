"""The PostgreSQL client of the fast path: pipelines, and connections that the event loop watches."""
