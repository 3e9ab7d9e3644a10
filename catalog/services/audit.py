"""The shop's documents: check_ledger compares each purchase and refund with what was booked for it."""

from payments.audit import Document, house_wallet_sql, matching

_REFUNDED = """
SELECT 'order_refunded', document.wallet_id, transaction_id, NULL, coalesce(paid_back, 0)::text, refunded::text
    FROM document LEFT JOIN LATERAL (
        SELECT sum(refund.amount) AS paid_back FROM catalog_refund refund WHERE refund.purchase_id = document.id
    ) refunds ON true
    WHERE refunded <> coalesce(paid_back, 0)
"""
_OF_PURCHASE = """
LEFT JOIN (SELECT id AS bought, wallet_id, user_id, currency_id FROM catalog_purchase) purchase ON bought = purchase_id
"""

PURCHASES = Document(
    "purchases",
    "catalog_purchase",
    "purchase",
    matching("catalog_purchase", "purchase", ("wallet_id", house_wallet_sql("sales"), "amount"), also=_REFUNDED),
)
REFUNDS = Document(
    "refunds",
    "catalog_refund",
    "refund",
    matching(
        "catalog_refund",
        "refund",
        (house_wallet_sql("sales"), "wallet_id", "amount"),
        joined=_OF_PURCHASE,
        reference="'refund of purchase ' || purchase_id",
    ),
)
