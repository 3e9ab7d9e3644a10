"""Proof that the books balance: everything is computed again from the postings and compared with what is stored.

It shares nothing with the code that books: no row is trusted because Python wrote it, and none because a constraint
should have refused it.
"""

from payments.audit.documents import Document, house_wallet_sql, matching, register
from payments.audit.payment_documents import DOCUMENTS
from payments.audit.report import MEANINGS, Difference, Report
from payments.audit.run import audit

__all__ = ["MEANINGS", "Difference", "Document", "Report", "audit", "house_wallet_sql", "matching", "register"]

for _document in DOCUMENTS:
    register(_document)
