"""How gunicorn serves Till: `python -m gunicorn -c config/gunicorn.conf.py`. Its hooks: config/server/worker.py."""

from pathlib import Path

from config import settings
from config.environment import Environment
from config.server import worker

_env = Environment()

wsgi_app = "config.asgi:application"
chdir = str(Path(__file__).resolve().parent.parent)
worker_class = "config.server.worker.Worker"
bind = worker.bind_address(_env, settings.PORT, debug=settings.TILL_DEBUG)
workers = worker.worker_count(_env)
backlog = 2048

# No preload: the pool of database connections must be born in its worker.
preload_app = False
control_socket_disable = True

# Seconds. A worker whose event loop stands still for `timeout` is replaced; at SIGTERM requests may finish.
timeout = 30
graceful_timeout = worker.DRAIN_SECONDS + 5
keepalive = 65
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  a heartbeat must not wait for a disk

# Every request is logged by config/server/request_log.py, with its id.
accesslog = None
loglevel = "warning" if settings.TILL_DEBUG else "info"
logconfig_dict = {
    **settings.LOGGING,
    "loggers": {"gunicorn.error": {"handlers": ["stderr"], "propagate": False}},
}
forwarded_allow_ips = ""

worker.raise_limit_of_open_files()
worker.make_metrics_folder()
on_starting = worker.begin
post_worker_init = worker.warm_up
pre_fork = worker.number_worker
post_fork = worker.count_under_number
child_exit = worker.forget_dead_worker
on_exit = worker.remove_metrics_folder
