"""Proof that the books balance: everything is computed again from the postings and compared with what is stored.

It shares nothing with the code that books: no row is trusted because Python wrote it, and none because a constraint
should have refused it.
"""

from payments.ledger.audit.report import MEANINGS, Difference, Report
from payments.ledger.audit.run import audit

__all__ = ["MEANINGS", "Difference", "Report", "audit"]
