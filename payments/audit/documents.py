"""Documents, which claim transactions, and the SQL that compares each with what was booked for it.

A document is a row that claims one transaction: a settled order, a transfer, a purchase. Apps above register theirs.
"""

from collections.abc import Iterable
from dataclasses import dataclass

#: A posting that must be there: source, destination and amount, as SQL over a `document`.
ExpectedPosting = tuple[str, str, str]
#: A column of a document with a wallet, and the column with the user who must own it.
ExpectedOwner = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Document:
    """A table whose rows claim transactions of one kind. Texts are SQL and never come from outside.

    `condition` tells which rows claim one. `check` selects the differences of the rows with `%(after)s < id <=
    %(upto)s`, in the columns of `Difference`.
    """

    #: In reports, in the plural.
    name: str
    table: str
    kind: str
    check: str
    condition: str = "true"


_documents: dict[str, Document] = {}


def register(document: Document) -> None:
    """Let the audit check these documents too. Safe to repeat."""
    _documents[document.table] = document


def registered() -> Iterable[Document]:
    return _documents.values()


def house_wallet_sql(purpose: str, currency: str = "currency_id") -> str:
    """Return the SQL of the house wallet in the currency that this column of the document names."""
    return f"(SELECT house.id FROM house WHERE purpose = '{purpose}' AND house.currency_id = document.{currency})"  # noqa: S608 - names from our own modules


def matching(
    table: str,
    kind: str,
    *postings: ExpectedPosting,
    condition: str = "true",
    owners: Iterable[ExpectedOwner] = (("wallet_id", "user_id"),),
    reference: str = "",
    joined: str = "",
    also: str = "",
) -> str:
    """Return the check that each document has a transaction of its own, with exactly these postings.

    Postings of 0 are left out. `reference` is the SQL of the transaction's reference, by default the kind and the
    document's id. `joined` is SQL after the document's FROM, for columns of another table. `also` selects more
    differences of `document`.
    """
    expected = " UNION ALL ".join(
        f"SELECT document.id, transaction_id, {source}, {destination}, {amount} FROM document"  # noqa: S608 - as above
        for source, destination, amount in postings
    )
    checks = [_postings(kind), _transaction(kind, reference or f"'{kind} ' || document.id"), *filter(None, [also])]
    return f"""
    WITH document AS MATERIALIZED (
        SELECT * FROM {table} {joined} WHERE {table}.id > %(after)s AND {table}.id <= %(upto)s AND {condition}
    ), house AS MATERIALIZED (
        SELECT id, house AS purpose, currency_id FROM payments_wallet WHERE house IS NOT NULL
    ), expected AS (
        SELECT * FROM ({expected}) AS posting (id, transaction_id, source_id, destination_id, amount) WHERE amount <> 0
    ), {" UNION ALL ".join([*checks, *(_owner(*owner) for owner in owners)])}
    """  # noqa: S608 - as above


def _postings(kind: str) -> str:
    return f"""found AS (
        SELECT document.id, p.transaction_id, p.source_id, p.destination_id, p.amount
        FROM document JOIN payments_posting p USING (transaction_id)
    ), difference AS (
        (TABLE expected EXCEPT ALL TABLE found) UNION (TABLE found EXCEPT ALL TABLE expected)
    )
    SELECT DISTINCT 'order_postings', NULL::bigint, transaction_id, NULL::bigint, 'those of {kind} ' || id, 'others'
        FROM difference"""  # noqa: S608 - as above


def _transaction(kind: str, reference: str) -> str:
    return f"""SELECT 'order_transaction', NULL, transaction_id, NULL, '{kind} ' || document.id,
            coalesce(booked.kind || ' of ' || booked.reference, 'none')
        FROM document LEFT JOIN payments_transaction booked ON booked.id = transaction_id
        WHERE booked.kind IS DISTINCT FROM '{kind}' OR booked.reference <> {reference}"""  # noqa: S608 - as above


def _owner(wallet: str, user: str) -> str:
    return f"""SELECT 'order_owner', owned.id, transaction_id, NULL, document.{user}::text, owned.owner_id::text
        FROM document JOIN payments_wallet owned ON owned.id = document.{wallet}
        WHERE owned.owner_id <> document.{user}"""  # noqa: S608 - as above


def unclaimed() -> str:
    """Return the check of the transactions in a range: each is claimed by a document of its kind.

    `booked` are those of the range. Anti-joins one kind after the other: the planner goes by the index of each table.
    """
    kinds: dict[str, list[Document]] = {}
    for document in registered():
        kinds.setdefault(document.kind, []).append(document)
    checks = [_without(f"kind = '{kind}'", documents) for kind, documents in kinds.items()]
    others = ", ".join(f"'{kind}'" for kind in kinds)
    return " UNION ALL ".join([*checks, _without(f"kind = ANY(%(kinds)s::text[]) AND kind NOT IN ({others})", [])])


def _without(condition: str, documents: Iterable[Document]) -> str:
    claims = "".join(
        f" AND NOT EXISTS (SELECT FROM {document.table} claim"
        f" WHERE claim.transaction_id = booked.id AND {document.condition})"
        for document in documents
    )
    return f"""SELECT CASE WHEN kind = 'deposit' AND reference !~ '^deposit [0-9]+$'
            THEN 'transaction_event' ELSE 'transaction_order' END, NULL::bigint, booked.id, NULL::bigint,
            'what asked for the ' || kind || ' ' || quote_literal(reference), 'none'
        FROM booked WHERE {condition}{claims}"""  # noqa: S608 - as above
