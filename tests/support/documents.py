"""Providers with documents of their own, written from their documentation and ours: they share no code with Till.

The documents have the fields of the providers' samples, with values of our own.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from tests.support.provider import Delivery

STRIPE_SECRET = "whsec_4r9ZkQmX7cTn2yVbW8sLpE5gHdJ6uAfK"
PAYSTACK_SECRET = "sk_test_b71c4f0a9d2e8365f417c0ba52d9e64830af17c5"
GENERIC_SECRET = "generic-5Qd8wYtR2mKx9ZvB7nLc4JhG"
SECRETS = {"stripe": STRIPE_SECRET, "paystack": PAYSTACK_SECRET, "generic": GENERIC_SECRET}
JSON = {"content-type": "application/json; charset=utf-8", "user-agent": "Provider/1.0"}


def stripe_event(
    *,
    user_id: Any,
    amount: Any = 1250,
    currency: str = "usd",
    payment: str = "",
    type_: str = "payment_intent.succeeded",
) -> dict[str, Any]:
    """An event of a payment intent: https://docs.stripe.com/api/events/object, …/payment_intents/object."""
    payment = payment or f"pi_{uuid.uuid4().hex}"
    intent = {
        "id": payment, "object": "payment_intent", "amount": amount, "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": amount, "application": None, "application_fee_amount": None,
        "automatic_payment_methods": None, "canceled_at": None, "cancellation_reason": None,
        "capture_method": "automatic", "client_secret": f"{payment}_secret_YrKJUKribcBjcG8HVhfZluoGH",
        "confirmation_method": "automatic", "created": 1790000000, "currency": currency, "customer": None,
        "description": "Wallet top-up", "excluded_payment_method_types": None, "last_payment_error": None,
        "latest_charge": "ch_3MtwBwLkdIwHu7ix28a3tqPa", "livemode": False, "metadata": {"user_id": str(user_id)},
        "next_action": None, "on_behalf_of": None, "payment_method": "pm_1MtwBvLkdIwHu7ix",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"installments": None, "mandate_options": None, "network": None}},
        "payment_method_types": ["card"], "processing": None, "receipt_email": None, "review": None,
        "setup_future_usage": None, "shipping": None, "source": None, "statement_descriptor": None,
        "statement_descriptor_suffix": None, "status": "succeeded", "transfer_data": None, "transfer_group": None,
    }  # fmt: skip
    return {
        "id": f"evt_{uuid.uuid4().hex}", "object": "event", "api_version": "2024-06-20", "created": 1790000001,
        "data": {"object": intent}, "livemode": False, "pending_webhooks": 1,
        "request": {"id": "req_Vlz8kRk0mbVZ2K", "idempotency_key": str(uuid.uuid4())}, "type": type_,
    }  # fmt: skip


def paystack_event(
    *, user_id: Any, amount: Any = 50_000, currency: str = "USD", reference: str = "", event: str = "charge.success"
) -> dict[str, Any]:
    """A successful charge: https://paystack.com/docs/payments/webhooks. The amount is in hundredths."""
    return {
        "event": event,
        "data": {
            "id": 4677002219, "domain": "test", "status": "success", "reference": reference or uuid.uuid4().hex[:16],
            "amount": amount, "message": None, "gateway_response": "Successful", "paid_at": "2026-02-11T10:42:20.000Z",
            "created_at": "2026-02-11T10:42:03.000Z", "channel": "card", "currency": currency,
            "ip_address": "203.0.113.7", "metadata": {"user_id": str(user_id), "referrer": "https://shop.example.com"},
            "fees_breakdown": None, "log": None, "fees": 750, "fees_split": None,
            "authorization": {"authorization_code": "AUTH_7k5skwmhxu", "bin": "408408", "last4": "4081",
                              "exp_month": "12", "exp_year": "2030", "channel": "card", "card_type": "visa ",
                              "bank": "TEST BANK", "country_code": "NG", "brand": "visa", "reusable": True,
                              "signature": "SIG_C9LhIPX2mQ8uckT6In2U", "account_name": None},
            "customer": {"id": 239551424, "first_name": "", "last_name": "", "email": "alice@example.com",
                         "customer_code": "CUS_edn4wbf00pcot1p", "phone": "", "metadata": None,
                         "risk_action": "default", "international_format_phone": None},
            "plan": {}, "subaccount": {}, "split": {}, "order_id": None, "requested_amount": amount, "source": None,
        },
    }  # fmt: skip


def generic_event(
    *, user_id: Any, amount: Any = "12.50", payment: Any = "", type_: str = "payment.succeeded"
) -> dict[str, Any]:
    """A document as the generic preset expects it."""
    data = {"id": payment or str(uuid.uuid4()), "amount": amount, "currency": "USD", "user_id": user_id}
    return {"type": type_, "data": data}


def stripe_header(body: bytes, *, secret: str = STRIPE_SECRET, now: float | None = None) -> str:
    """Stripe's own scheme: https://docs.stripe.com/webhooks/signature."""
    seconds = int(time.time() if now is None else now)
    signature = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={signature},v0={'0' * 64}"


def stripe(event: Mapping[str, Any], *, secret: str = STRIPE_SECRET, now: float | None = None) -> Delivery:
    body = json.dumps(event, indent=2).encode()  # as Stripe writes it
    headers = JSON | {"stripe-signature": stripe_header(body, secret=secret, now=now)}
    return Delivery("/api/v1/webhooks/stripe", body, headers)


def paystack(event: Mapping[str, Any], *, secret: str = PAYSTACK_SECRET) -> Delivery:
    body = json.dumps(event, separators=(",", ":")).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()
    return Delivery("/api/v1/webhooks/paystack", body, JSON | {"x-paystack-signature": signature})


def generic(event: Mapping[str, Any] | bytes, *, secret: str = GENERIC_SECRET) -> Delivery:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return Delivery("/api/v1/webhooks/generic", body, JSON | {"x-signature": signature})


def base64_hmac(body: bytes, secret: str, algorithm: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, algorithm).digest()).decode()
