"""What is sent while something is killed, and how it is known afterwards that all of it was done once."""

import random
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, ClassVar, LiteralString

import httpx

from accounts.demo_users import DEMO_PASSWORD, DEMO_USERS
from tests.support import shop_users
from tests.support.http import PLAIN
from tests.support.load_client import Reply, send_all
from tests.support.provider import FORMS, SHA1_COLON, Delivery

Query = Callable[..., Any]
_keys = count(1)
_IN_USERS_WALLETS: LiteralString = "SELECT sum(balance) FROM payments_wallet WHERE owner_id IS NOT NULL"
_CREDITED: LiteralString = "SELECT sum(amount) FROM payments_webhookevent WHERE verdict = 'credited'"


class NoticeStorm:
    """Distinct notices, for a few wallets, of one cent each."""

    success = 200
    counted: ClassVar[LiteralString] = "SELECT count(*) FROM payments_webhookevent WHERE verdict = 'credited'"
    acknowledged: ClassVar[LiteralString] = (
        "SELECT count(*) FROM payments_webhookevent e JOIN payments_posting p USING (transaction_id)"
        " WHERE e.external_id = ANY(%s) AND e.verdict = 'credited'"
    )
    totals: ClassVar[Sequence[LiteralString]] = (
        "SELECT count(*) FROM payments_posting JOIN payments_webhookevent USING (transaction_id)",
        "SELECT count(DISTINCT external_id) FROM payments_webhookevent WHERE verdict = 'credited'",
    )
    id_member = "transaction_id"

    def __init__(self, query: Query, url: str) -> None:
        self.query, self.url = query, url
        self.user_id = int(query("SELECT min(id) FROM accounts_user"))

    def deliveries(self, number: int) -> list[Delivery]:
        return [self.one(random.randint(1, 5) * 10**6) for _ in range(number)]

    def one(self, wallet: int = 77) -> Delivery:
        return random.choice(FORMS).notice(user_id=self.user_id, account_id=wallet, amount="0.01")

    def acknowledged_are_stored(self, replies: Sequence[Reply]) -> None:
        ids = [reply.body[self.id_member] for reply in replies if reply.status == self.success]
        assert self.query(self.acknowledged, ids) == len(ids) > 0

    def all_are_done_once(self, total: int) -> None:
        assert [self.query(each) for each in self.totals] == [total] * len(self.totals)
        assert self.query(_IN_USERS_WALLETS) == self.query(_CREDITED)


class TransferStorm(NoticeStorm):
    """Transfers of one cent between two users, each with a key of its own."""

    success = 201
    counted = "SELECT count(*) FROM payments_transfer"
    acknowledged = (
        "SELECT count(*) FROM payments_transfer t JOIN payments_posting p USING (transaction_id) WHERE t.id = ANY(%s)"
    )
    totals = (
        counted,
        "SELECT count(*) FROM payments_posting p JOIN payments_transfer USING (transaction_id)",
        "SELECT count(*) FROM payments_transaction WHERE kind = 'transfer'",
        "SELECT count(*) FROM payments_idempotencykey WHERE status = 201",
    )
    id_member = "id"

    def __init__(self, query: Query, url: str) -> None:
        super().__init__(query, url)
        self.senders = [self._sender(user.email) for user in DEMO_USERS if user.role == "user"]

    def _sender(self, email: str) -> tuple[str, int]:
        """Return the user's access token, and a wallet with money."""
        credentials = {"email": email, "password": DEMO_PASSWORD}
        answer = httpx.post(f"{self.url}/api/v1/auth/login", json=credentials, timeout=30, verify=PLAIN)
        user_id = int(self.query("SELECT id FROM accounts_user WHERE email = %s", email))
        notice = SHA1_COLON.notice(user_id=user_id, account_id=user_id * 10**9, amount="1000")
        [credit] = send_all(self.url, [notice], connections=1)
        assert credit.status == 200
        return str(answer.json()["access"]), user_id * 10**9

    def one(self, wallet: int = 0) -> Delivery:  # noqa: ARG002
        (token, source), (_, destination) = random.sample(self.senders, 2)
        body = {"source": source, "destination": destination, "amount": "0.01"}
        return shop_users.request(token, "POST", "transfers", body, Idempotency_Key=f"storm-{next(_keys)}")


STORMS = (NoticeStorm, TransferStorm)
