"""What the tests know of the Till that they ask."""

from pathlib import Path

from till_client import Retries, Till

ROOT = Path(__file__).resolve().parents[3]
#: With it a test makes a token that has expired.
JWT_KEY = "a-key-of-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz"
QUICK = Retries(first_pause=0.01, max_pause=0.05, deadline=10)


def usd(till: Till) -> int:
    """The wallet in dollars that Till opened: a notice may have opened another."""
    return max(wallet.id for wallet in till.wallets.list(currency="USD"))
