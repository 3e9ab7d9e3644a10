"""For the tests of who uses Till: a Till to test against, and signed notices. The fixture is in `plugin`."""

from till_client.notices import SignedNotice, sign_notice
from till_client.testing.server import TillServer, run_till

__all__ = ["SignedNotice", "TillServer", "run_till", "sign_notice"]
