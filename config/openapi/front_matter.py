"""What the document says besides its operations: the introduction, who runs it and where, the tags, the signatures."""

from pathlib import Path
from typing import Any, Final

from django.conf import settings

INTRODUCTION: Final = Path(__file__).with_name("introduction.md").read_text(encoding="utf-8")
#: In the order in which somebody who is new needs them.
TAGS: Final = {
    "auth": "Register, activate, log in and out, and change the password.",
    "users": "Who you are; and everybody, for admins.",
    "currencies": "What money there is, and how many decimals it has.",
    "wallets": "What you hold: balances and statements.",
    "deposits": "Bring money in: an order that a service settles.",
    "products": "What is on sale.",
    "purchases": "Buy, and be paid back.",
    "transfers": "Send money to another wallet.",
    "exchange": "Rates, quotes, and money of one currency that becomes another's.",
    "external-wallets": "Where withdrawals go: your accounts outside of Till.",
    "withdrawals": "Take money out: an order that a service settles.",
    "transactions": "What was booked, whatever caused it.",
    "events": "What happened, in the order of commits (admin); and what Till sends to endpoints.",
    "webhooks": "Signed notices of payment providers.",
    "providers": "Who may send such notices, how they are signed, and where the fields stand (admin).",
    "webhook-events": "What Till keeps of authentic notices (admin).",
    "webhook-endpoints": "Where Till sends events, signed, and what became of each delivery (admin).",
    "commission-rules": "What the house charges (admin).",
    "settlement-scopes": "Which orders a service may settle (admin).",
    "api-keys": "What services send in the place of an access token (admin).",
}
_NO_HEADER: Final = "It is no header: it is the member `signature` of the body, over the amount as you wrote it."
SIGNATURES: Final[dict[str, dict[str, str]]] = {
    "sha1_colon": {
        "type": "http",
        "scheme": "sha1-colon",
        "description": f"SHA-1 over fields joined by colons, with the provider's secret first. {_NO_HEADER}",
    },
    "sha256_concat": {
        "type": "http",
        "scheme": "sha256-concat",
        "description": f"SHA-256 over fields glued together, with the provider's secret last. {_NO_HEADER}",
    },
    "standard_webhooks": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "`v1,` and the base64 of an HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`, with the"
        " provider's secret: the Standard Webhooks specification. It lasts five minutes.",
    },
    "stripe": {
        "type": "apiKey",
        "in": "header",
        "name": "stripe-signature",
        "description": "`t=` and the Unix time, `v1=` and the hex of an HMAC-SHA256 over `{t}.{body}`, as Stripe signs."
        " It lasts five minutes.",
    },
    "hmac_body": {
        "type": "apiKey",
        "in": "header",
        "name": "x-signature",
        "description": "HMAC-SHA256 or HMAC-SHA512 over the body, in hex or base64, as the provider signs. Its settings"
        " name the header, such as `x-paystack-signature`.",
    },
}


def describe(document: dict[str, Any]) -> None:
    """Add all this to the document."""
    public = [{"url": settings.TILL_PUBLIC_URL}] if settings.TILL_PUBLIC_URL else []
    document["info"] |= {
        "summary": "Wallets, a double-entry ledger, and signed payment webhooks credited exactly once.",
        "description": INTRODUCTION,
        "contact": {"name": "The operator of this Till", **(public[0] if public else {})},
        "license": {"name": "None is granted: all rights are reserved", "identifier": "LicenseRef-All-Rights-Reserved"},
    }
    document["servers"] = [{"url": "/", "description": "Where this document was read."}]
    document["tags"] = [{"name": name, "description": description} for name, description in TAGS.items()]
    document["components"].setdefault("securitySchemes", {}).update(SIGNATURES)
