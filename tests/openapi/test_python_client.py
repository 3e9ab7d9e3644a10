"""A Python client that is generated from the document does what people do, against a Till that serves."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.openapi.conftest import GeneratedClientStage
from tests.support.shop_users import PASSWORD

pytestmark = pytest.mark.slow

PACKAGE = "till_generated"
GENERATE = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
_keys = count(1)


@pytest.fixture
def generated(document: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client's package, generated without a warning."""
    folder = document.parent
    (folder / "options.json").write_text(json.dumps({"package_name_override": PACKAGE, "post_hooks": []}))
    files = ["--path", document.name, "--config", "options.json", "--output-path", PACKAGE]
    done = subprocess.run([*GENERATE, *files], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(folder))
    yield import_module(PACKAGE)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


class GeneratedClient:
    """Whoever has the token, or nobody."""

    def __init__(self, package: Any, url: str, token: str = "") -> None:
        self.package, self.url, self.token = package, url, token
        self.models = import_module(f"{PACKAGE}.models")

    def call(self, tag: str, operation: str, *path: Any, status: int = 200, **arguments: Any) -> Any:
        """Return what the generated operation makes of the answer, which has to have this status."""
        module = import_module(f"{PACKAGE}.api.{tag}.{operation}")
        client = self.package.AuthenticatedClient(self.url, self.token) if self.token else self.package.Client(self.url)
        with client:
            answer = module.sync_detailed(*path, client=client, **arguments)
        assert answer.status_code == status, answer.content
        return answer.parsed

    def create(self, tag: str, operation: str, body: Any, **arguments: Any) -> Any:
        key = f"generated-{next(_keys)}"
        return self.call(tag, operation, body=body, idempotency_key=key, **{"status": 201, **arguments})

    def signed_in(self, email: str) -> "GeneratedClient":
        body = self.models.LoginRequest(email=email, password=PASSWORD)
        return GeneratedClient(self.package, self.url, self.call("auth", "auth_login", body=body).access)


def newcomer(nobody: GeneratedClient, email: str) -> GeneratedClient:
    body = nobody.models.RegistrationRequest(email=email, password=PASSWORD)
    registered = nobody.call("auth", "auth_register", body=body, status=201)
    token = registered.activation_url.rpartition("/")[2]
    assert nobody.call("auth", "auth_activate", token).status == "activated"
    return nobody.signed_in(email)


def test_a_generated_client_registers_pays_in_buys_sends_and_reads(generated: Any, stage: GeneratedClientStage) -> None:
    nobody = GeneratedClient(generated, stage.url)
    alice, models = newcomer(nobody, "generated@example.com"), nobody.models
    wallet, savings = (
        alice.call("wallets", "wallets_open", body=models.NewWalletRequest(currency="USD"), status=201)
        for _ in range(2)
    )
    assert wallet.id > 10**15

    order = models.DepositWriteRequest(wallet=wallet.id, amount="100.00")
    preview = alice.create("deposits", "deposits_create", order, dry_run=True, status=200)
    assert (type(preview), preview.id) == (models.DepositPreview, None)
    deposit = alice.create("deposits", "deposits_create", order)
    service, paid = nobody.signed_in(stage.service), models.SettlementRequest(status=models.SettlementEnum.PAID)
    assert service.call("deposits", "deposits_settle", deposit.id, body=paid).status == models.OrderStatusEnum.PAID

    purchase = models.BuyRequest(product=stage.product, wallet=wallet.id)
    assert alice.create("purchases", "purchases_create", purchase).amount == "25.00"
    transfer = models.TransferWriteRequest(source=wallet.id, destination=savings.id, amount="10.50")
    sent = alice.create("transfers", "transfers_create", transfer)
    assert alice.call("transactions", "transactions_retrieve", sent.transaction).kind == "transfer"

    listed = alice.call("wallets", "wallets_list").results
    assert {one.id: one.balance for one in listed}.items() >= {wallet.id: "64.50", savings.id: "10.50"}.items()
    lines = alice.call("wallets", "wallets_statement", wallet.id).lines
    assert [line.amount for line in lines] == ["100.00", "-25.00", "-10.50"]
    assert "closing balance" in alice.call("wallets", "wallets_statement_csv", wallet.id)
    both = [models.UsersMeIncludeItem.WALLETS, models.UsersMeIncludeItem.TRANSACTIONS]
    me = alice.call("users", "users_me", include=both)
    assert {one.id for one in me.wallets} >= {wallet.id, savings.id}
    assert len(me.transactions) == 3

    too_much = models.TransferWriteRequest(source=wallet.id, destination=savings.id, amount="1000.00")
    problem = alice.create("transfers", "transfers_create", too_much, status=409)
    assert (type(problem), problem.code) == (models.Problem, "insufficient_funds")
