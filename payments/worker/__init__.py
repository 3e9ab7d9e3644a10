"""`manage.py worker`: delivers events and runs the timers, apart from the processes that answer requests."""
