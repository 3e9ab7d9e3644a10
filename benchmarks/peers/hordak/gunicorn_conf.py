"""gunicorn for the peer: as many workers as Till has, threads that keep their database connections."""

import os

wsgi_app = "benchmarks.peers.hordak.wsgi:application"
bind = f"127.0.0.1:{os.environ['PORT']}"
workers = max(2, os.cpu_count() or 1)
worker_class = "gthread"
threads = 8
worker_connections = 2_000
backlog = 2_048
keepalive = 65
control_socket_disable = True
loglevel = "warning"
accesslog = None
