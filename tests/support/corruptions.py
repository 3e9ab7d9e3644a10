"""What may be done to the books behind the ledger's back, and the kinds of difference that must be named for it.

Names in braces are those of the stage in test_check_ledger.
"""

POSTING = (
    "INSERT INTO payments_posting (transaction_id, currency_id, amount, source_id, destination_id, source_sequence,"
    " source_balance, destination_sequence, destination_balance) VALUES "
)
CREDIT = "UPDATE payments_posting SET {} WHERE transaction_id = {{credit}}"
EVENT = "UPDATE payments_webhookevent SET {} WHERE id = {{event}}"
#: The kinds that must be named; what else follows from the same corruption may be named too.
CORRUPTIONS: dict[str, tuple[str, set[str]]] = {
    "a balance raised": ("UPDATE payments_wallet SET balance = balance + 1 WHERE id = {alice}",
        {"wallet_balance", "currency_total"}),
    "money given to an unused wallet": ("UPDATE payments_wallet SET balance = 1 WHERE id = {spare}",
        {"wallet_balance", "currency_total"}),
    "money taken from one and given to another": (
        ("UPDATE payments_wallet SET balance = balance + CASE id WHEN {alice} THEN -1 ELSE 1 END"
        " WHERE id IN ({alice}, {bob})"),
        {"wallet_balance"}),
    "a sequence moved": ("UPDATE payments_wallet SET sequence = sequence + 1 WHERE id = {alice}", {"wallet_sequence"}),
    "something held for nothing": ("UPDATE payments_wallet SET held = 1 WHERE id = {alice}", {"wallet_held"}),
    "a balance below zero": ("UPDATE payments_wallet SET balance = -1 WHERE id = {spare}",
        {"wallet_overdrawn", "wallet_balance"}),
    "more held than there is": ("UPDATE payments_wallet SET held = 1000 WHERE id = {alice}", {"wallet_overdrawn"}),
    "a house wallet with a balance of its own": ("UPDATE payments_wallet SET balance = 5 WHERE id = {sales}",
        {"wallet_house"}),
    "a user's wallet in the house's range": (
        "UPDATE payments_wallet SET id = 9000000000999999 WHERE id = {spare}", {"wallet_house"}),
    "a wallet of nobody": ("UPDATE payments_wallet SET owner_id = NULL WHERE id = {spare}", {"wallet_house"}),
    "a wallet gone": ("DELETE FROM payments_wallet WHERE id = {bob}", {"posting_wallet", "currency_total"}),
    "a wallet of another currency": ("UPDATE payments_wallet SET currency_id = 'EUR' WHERE id = {bob}",
        {"posting_currency", "currency_total"}),
    "a posting deleted": ("DELETE FROM payments_posting WHERE transaction_id = {credit}",
        {"transaction_empty", "line_sequence", "line_balance", "wallet_balance", "wallet_sequence",
         "currency_total", "event_postings"}),
    "a posting's amount raised": (CREDIT.format("amount = amount + 1"),
        {"line_balance", "wallet_balance", "currency_total", "event_amount"}),
    "a posting from another wallet": (CREDIT.format("source_id = {sales}"), {"event_source"}),
    "a posting to another wallet": (CREDIT.format("destination_id = {bob}, destination_sequence = 99"),
        {"event_wallet", "event_owner", "line_sequence", "wallet_balance"}),
    "a posting of nothing": (POSTING + "({transfer}, 'USD', 0, {clearing}, {sales}, NULL, NULL, NULL, NULL)",
        {"posting_amount"}),
    "a posting of no number": (POSTING + "({transfer}, 'USD', 'NaN', {clearing}, {sales}, NULL, NULL, NULL, NULL)",
        {"posting_amount", "currency_total"}),
    "a posting from a wallet to itself": (
        POSTING + "({transfer}, 'USD', 1, {clearing}, {clearing}, NULL, NULL, NULL, NULL)", {"posting_sides"}),
    "a posting in another currency": (CREDIT.format("currency_id = 'EUR'"), {"posting_currency"}),
    "a posting without a source": (CREDIT.format("source_id = NULL"), {"posting_wallet", "currency_total"}),
    "a posting that no number shows": (
        POSTING + "({transfer}, 'USD', 1, {clearing}, {alice}, NULL, NULL, NULL, NULL)",
        {"posting_unnumbered", "currency_total"}),
    "a number taken away": (CREDIT.format("destination_sequence = NULL"),
        {"posting_unnumbered", "line_sequence", "wallet_sequence"}),
    "a house wallet numbered": (CREDIT.format("source_sequence = 1, source_balance = 1"), {"posting_numbered"}),
    "a posting of no transaction": (CREDIT.format("transaction_id = -1"),
        {"posting_transaction", "transaction_empty", "event_postings"}),
    "a transaction gone": ("DELETE FROM payments_transaction WHERE id = {credit}",
        {"posting_transaction", "event_transaction"}),
    "a number twice, once as source and once as destination": (
        ("UPDATE payments_posting SET source_sequence = source_sequence - 1 WHERE transaction_id = {transfer}"
        " AND destination_id = {bob}"),
        {"line_sequence"}),
    "a gap in the numbers": (
        ("UPDATE payments_posting SET destination_sequence = 100 WHERE destination_id = {alice}"
        " AND destination_sequence = (SELECT max(destination_sequence) FROM payments_posting"
        " WHERE destination_id = {alice})"),
        {"line_sequence"}),
    "a recorded balance changed": (CREDIT.format("destination_balance = destination_balance + 1"),
        {"line_balance", "event_balance"}),
    "a transaction older than the one before it": (
        "UPDATE payments_transaction SET created_at = created_at - interval '1 day' WHERE id = {transfer}",
        {"line_time"}),
    "an invented kind": ("UPDATE payments_transaction SET kind = 'gift' WHERE id = {transfer}", {"transaction_kind"}),
    "an empty transaction": (
        "INSERT INTO payments_transaction (kind, reference, created_at) VALUES ('refund', '', now())",
        {"transaction_empty"}),
    "an order's amount changed": ("UPDATE payments_deposit SET amount = amount + 1 WHERE id = {deposit}",
        {"order_postings"}),
    "a commission forgotten": ("UPDATE payments_withdrawal SET commission = 1 WHERE id = {withdrawal}",
        {"order_postings"}),
    "proceeds changed": ("UPDATE payments_exchange SET proceeds = proceeds + 1 WHERE id = {exchange}",
        {"order_postings"}),
    "a transfer to another wallet": ("UPDATE payments_transfer SET destination_id = {spare} WHERE id = {sent}",
        {"order_postings"}),
    "a reversal of something else": ("UPDATE payments_reversal SET original_id = {credit} WHERE id = {reversal}",
        {"order_postings"}),
    "a reversal that is none": ("UPDATE payments_reversal SET transaction_id = {transfer} WHERE id = {reversal}",
        {"order_transaction", "order_postings", "transaction_order"}),
    "an order that lost its transaction": (
        "UPDATE payments_exchange SET transaction_id = -1 WHERE id = {exchange}",
        {"order_transaction", "order_postings", "transaction_order"}),
    "a reversal under another name": (
        "UPDATE payments_transaction SET reference = 'reversal of transaction 0' WHERE kind = 'reversal'",
        {"order_transaction"}),
    "an order called rejected that was paid": (
        "UPDATE payments_deposit SET status = 'rejected' WHERE id = {deposit}", {"transaction_order"}),
    "a transfer to somebody else's wallet": (
        "UPDATE payments_transfer SET recipient_id = user_id WHERE id = {sent}", {"order_owner"}),
    "an exchange of somebody else": ("UPDATE payments_exchange SET user_id = {bob_himself} WHERE id = {exchange}",
        {"order_owner"}),
    "a purchase of what was transferred": (
        ("WITH product AS (INSERT INTO catalog_product (title, description, price, currency_id, is_active, version,"
        " search_text) VALUES ('x', '', 1, 'USD', true, 1, '') RETURNING id)"
        " INSERT INTO catalog_purchase (user_id, product_id, title, wallet_id, quantity, unit_price, amount,"
        " currency_id, refunded, transaction_id) SELECT {bob_himself}, id, 'x', {bob}, 1, 1, 1, 'USD', 1, {transfer}"
        " FROM product"),
        {"order_transaction", "order_postings", "order_refunded"}),
    "an order of somebody else": ("UPDATE payments_deposit SET user_id = {bob_himself} WHERE id = {deposit}",
        {"order_owner"}),
    "an order removed": ("DELETE FROM payments_transfer WHERE id = {sent}", {"transaction_order"}),
    "a withdrawal called paid": (
        "UPDATE payments_withdrawal SET status = 'paid' WHERE status = 'pending'",
        {"wallet_held", "order_transaction"}),
    "an event forgotten": ("DELETE FROM payments_webhookevent WHERE id = {event}", {"transaction_event"}),
    "an event's amount changed": (EVENT.format("amount = amount + 1"), {"event_amount"}),
    "an event's balance changed": (EVENT.format("balance = balance + 1"), {"event_balance"}),
    "an event's wallet changed": (EVENT.format("account_id = {bob}"), {"event_wallet"}),
    "an event without a wallet": (EVENT.format("account_id = 0"), {"event_wallet"}),
    "an event's first wallet changed": (EVENT.format("account_id = 0, wallet_id = {bob}"), {"event_wallet"}),
    "an event that names one wallet and credited another": (
        EVENT.format("account_id = {bob}, wallet_id = {alice}"), {"event_wallet"}),
    "an event's currency changed": (EVENT.format("currency_id = 'EUR'"), {"event_currency"}),
    "an event's user changed": (EVENT.format("user_id = {bob_himself}"), {"event_owner"}),
    "an event of another kind": (EVENT.format("transaction_id = {transfer}"),
        {"event_transaction", "event_reference", "transaction_event"}),
    "an event that lost its transaction": (EVENT.format("transaction_id = NULL"),
        {"event_transaction", "transaction_event"}),
    "an event's id changed": (EVENT.format("external_id = '77'"), {"event_reference"}),
    "an event that claims an order's deposit": (
        EVENT.format("transaction_id = (SELECT transaction_id FROM payments_deposit WHERE id = {deposit})"),
        {"event_repeated", "event_reference", "transaction_event"}),
    "an event called unmatched": (EVENT.format("verdict = 'unmatched'"), {"event_uncredited", "transaction_event"}),
    "a second event for one credit": (
        ("INSERT INTO payments_webhookevent (provider_id, external_id, user_id, account_id, amount, verdict, reason,"
        " transaction_id, balance) SELECT provider_id, '78', user_id, account_id, amount, verdict, reason,"
        " transaction_id, balance FROM payments_webhookevent WHERE id = {event}"),
        {"event_repeated", "event_reference"}),
    "a deposit with a second posting": (
        POSTING + "({credit}, 'USD', 1, {clearing}, {sales}, NULL, NULL, NULL, NULL)", {"event_postings"}),
    "a checkpoint's balance changed": (
        "UPDATE payments_housecheckpoint SET balance = 1 WHERE wallet_id = {sales}", {"checkpoint_balance"}),
    "a checkpoint behind the others' place": (
        "UPDATE payments_housecheckpoint SET posting_id = 1 WHERE wallet_id = {euro_clearing}", {"checkpoint_place"}),
    "checkpoints ahead of the books": (
        "UPDATE payments_housecheckpoint SET posting_id = 10 ^ 15", {"checkpoint_place"}),
    "a checkpoint of a user's wallet": (
        "INSERT INTO payments_housecheckpoint VALUES ({alice}, 0, 0)", {"checkpoint_wallet"}),
}  # fmt: skip
