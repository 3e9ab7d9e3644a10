"""What `make run` prints once the server answers."""

from accounts.demo_users import DEMO_PASSWORD, DEMO_USERS
from payments.webhooks.addresses import FIXED_PATHS

CURL = """\
curl -i -X POST http://127.0.0.1:{port}{path} -H 'Content-Type: application/json' -d '{{
  "transaction_id": "5eae174f-7cd0-472c-bd36-35660f00132b", "user_id": 1, "account_id": 1, "amount": 100,
  "signature": "7b47e41efe564a062029da3367bde8844bea0fb049f894687cee5d57f2858bc8"
}}'"""

_TEXT = """
Till is ready.

  API      {base}/api/v1/
  docs     {base}/docs   and   {base}/redoc
  staff    {base}/admin
  metrics  {base}/metrics
  worker   runs beside it: it delivers events to your endpoints, http://127.0.0.1 included

{users}

Credit a wallet with a signed webhook:

{curl}

Then paste it again: the same answer with "duplicate": true, and nothing has moved.
Stop with Ctrl-C.

"""


def curl(port: int) -> str:
    """A shell command that sends the published sample of the scheme sha256_concat: 100 USD for user 1."""
    return CURL.format(port=port, path=FIXED_PATHS["sha256_concat"])


def startup_message(port: int) -> str:
    users = "\n".join((_logins("a user", "user"), _logins("an admin", "admin"), _logins("a service", "service")))
    return _TEXT.format(base=f"http://127.0.0.1:{port}", users=users, curl=curl(port))


def _logins(title: str, role: str) -> str:
    email, *others = [demo.email for demo in DEMO_USERS if demo.role == role]
    also = f"   (also {', '.join(others)})" if others else ""
    return f"  {title:<9} {email:<27} password {DEMO_PASSWORD}{also}"
