"""The two clients. Whatever they can do is in their resources; how, in `session`."""

from types import TracebackType
from typing import Generic, Self

import httpx

from till_client import resources
from till_client.calls import D
from till_client.drivers import AsyncDriver, SyncDriver
from till_client.session import Password, Retries, Session, Tokens

TIMEOUT = 10.0


class Resources(Generic[D]):
    def __init__(self, driver: D) -> None:
        self._driver = driver
        self.auth = resources.Auth(driver)
        self.users = resources.Users(driver)
        self.api_keys = resources.ApiKeys(driver)
        self.currencies = resources.Currencies(driver)
        self.wallets = resources.Wallets(driver)
        self.transactions = resources.Transactions(driver)
        self.transfers = resources.Transfers(driver)
        self.products = resources.Products(driver)
        self.purchases = resources.Purchases(driver)
        self.deposits = resources.Deposits(driver)
        self.withdrawals = resources.Withdrawals(driver)
        self.external_wallets = resources.ExternalWallets(driver)
        self.settlement_scopes = resources.SettlementScopes(driver)
        self.rates = resources.Rates(driver)
        self.quotes = resources.Quotes(driver)
        self.exchanges = resources.Exchanges(driver)
        self.events = resources.Events(driver)
        self.webhook_endpoints = resources.WebhookEndpoints(driver)
        self.webhook_events = resources.WebhookEvents(driver)

    @property
    def tokens(self) -> Tokens | None:
        """The login of now, to go on with later: `Till(url, tokens=…)`. A refresh token works once."""
        return self._driver.session.tokens

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self._driver.session.base_url}>"


class Till(Resources[SyncDriver]):
    """A client that waits for each answer. Threads may share it.

    It signs in when it first has to: with an email and a password, an API key, or the tokens of an earlier login. What
    is public needs none of them. A `transport` of your own is not closed: it may bring a proxy, or certificates.
    """

    def __init__(
        self,
        base_url: str,
        *,
        email: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
        tokens: Tokens | None = None,
        retries: Retries | None = None,
        timeout: float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        session = _session(base_url, email, password, api_key, tokens, retries, timeout)
        super().__init__(SyncDriver(session, transport))

    def close(self) -> None:
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncTill(Resources[AsyncDriver]):
    """The same for asyncio: operations are awaited, lists are gone through with `async for`.

    The tasks of one event loop may share it.
    """

    def __init__(
        self,
        base_url: str,
        *,
        email: str | None = None,
        password: str | None = None,
        api_key: str | None = None,
        tokens: Tokens | None = None,
        retries: Retries | None = None,
        timeout: float = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        session = _session(base_url, email, password, api_key, tokens, retries, timeout)
        super().__init__(AsyncDriver(session, transport))

    async def aclose(self) -> None:
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def _session(
    base_url: str,
    email: str | None,
    password: str | None,
    api_key: str | None,
    tokens: Tokens | None,
    retries: Retries | None,
    timeout: float,
) -> Session:
    if (email is None) != (password is None):
        raise ValueError("email and password go together")
    if api_key is not None and (email is not None or tokens is not None):
        raise ValueError("an API key needs no login beside it")
    credentials = None if email is None or password is None else Password(email, password)
    return Session(
        base_url,
        credentials=credentials,
        api_key=api_key,
        tokens=tokens,
        retries=retries or Retries(),
        timeout=timeout,
    )
