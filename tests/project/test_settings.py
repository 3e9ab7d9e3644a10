"""Settings that would stop the service or take a protection away are refused by name, before anything starts."""

import re
import runpy
from pathlib import Path

import pytest

from config import environment
from config.environment import BadVariable, Environment
from config.server.worker import bind_address

ROOT = Path(__file__).resolve().parents[2]


def test_daily_limits_that_lack_their_amount_are_told_the_form() -> None:
    with pytest.raises(BadVariable, match="currencies and amounts such as USD:1000"):
        Environment({"L": "USD"}).amounts("L")


def test_origins_are_read_as_browsers_send_them() -> None:
    env = Environment({"A": "https://Staff.example.com, http://10.0.0.7:8000,app://x", "B": "https://*.example.com"})
    assert env.origins("A") == ["https://staff.example.com", "http://10.0.0.7:8000", "app://x"]
    assert env.origins("B", wildcards=True) == ["https://*.example.com"]
    assert env.origins("C") == []


def test_networks_are_read_strictly() -> None:
    env = Environment({"A": "10.1.0.0/16, fd12::/32,8.8.8.8", "B": "10.1.2.3/16", "C": "localhost"})
    assert [str(network) for network in env.networks("A", [])] == ["10.1.0.0/16", "fd12::/32", "8.8.8.8/32"]
    assert env.networks("D", []) == []
    for name in ("B", "C"):
        with pytest.raises(BadVariable, match=f"^{name} must be networks"):
            env.networks(name, [])


def test_an_empty_variable_is_taken_for_unset() -> None:
    env = Environment({"PORT": "", "TILL_DEBUG": " ", "TILL_ALLOWED_HOSTS": ""})
    assert env.number("PORT", 8000, minimum=1, maximum=9000) == 8000
    assert env.flag("TILL_DEBUG", False) is False
    assert env.names("TILL_ALLOWED_HOSTS", ["localhost"]) == ["localhost"]


def test_a_setting_is_read_however_people_write_it() -> None:
    env = Environment({"A": "Yes", "B": " a.example , b.example,", "C": "off", "D": "$ecret", "E": "5/hour"})
    assert env.flag("A", False) is True
    assert env.flag("C", True) is False
    assert env.names("B", []) == ["a.example", "b.example"]
    assert env.text("D", "") == "$ecret"
    assert env.rate("E", "1/s") == "5/hour"


def test_a_number_out_of_bounds_is_refused() -> None:
    with pytest.raises(BadVariable, match="from 1 to 9"):
        Environment({"N": "10"}).number("N", 5, minimum=1, maximum=9)


class Recorded(Environment):
    """Remembers the limits of each number that the settings ask for."""

    def __init__(self) -> None:
        super().__init__({"TILL_DEBUG": "1"})
        self.limits: dict[str, tuple[int, int]] = {}

    def number(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        self.limits[name] = minimum, maximum
        return super().number(name, default, minimum=minimum, maximum=maximum)


#: Where nothing at all is a choice that the operations page describes.
MAY_BE_ZERO = {"TILL_TRUSTED_PROXIES", "TILL_DB_POOL_SIZE", "TILL_HSTS_SECONDS"}
SETTINGS = ROOT / "config" / "settings.py"


def test_every_number_has_limits_and_none_may_be_zero_unless_that_means_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorded = Recorded()
    monkeypatch.setattr(environment, "Environment", lambda: recorded)
    runpy.run_path(str(SETTINGS))
    assert len(recorded.limits) > 20
    assert {name for name, (minimum, _) in recorded.limits.items() if minimum == 0} == MAY_BE_ZERO
    assert all(minimum < maximum <= 10**9 for minimum, maximum in recorded.limits.values())


NUMBERS = {*re.findall(r'env\.(?:number|seconds)\(\s*"(\w+)"', SETTINGS.read_text())} - MAY_BE_ZERO


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_a_nonsense_number_is_named_before_anything_starts(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TILL_DEBUG", "1")
    for value in ("0", "-1", "1e3", "1.5", "9999999999", "99999999999"):
        monkeypatch.setenv(name, value)
        with pytest.raises(BadVariable, match=f"^{name} must be"):
            runpy.run_path(str(SETTINGS))


@pytest.mark.parametrize("value", ["0/min", "5", "/min", "5/fortnight", "-1/s", "1.5/s", "9999999999/s"])
def test_a_nonsense_rate_is_named(value: str) -> None:
    with pytest.raises(BadVariable, match="R must be"):
        Environment({"R": value}).rate("R", "1/s")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://till@db/till",
        "postgres://till@db",
        "postgres://till@db:port/till",
        "postgres://till@db:99999/till",
        "postgres://till@[db/till",
        "till",
        "postgres://till:hunter2@db/till?ssl_mode=require",
        "postgres://till:hunter2@db/till?conn_max_age=60",
        "postgres://till:hunter2@db/till?atomic_requests=1",
        "postgres://till:hunter2@db/till?pool=1",
    ],
)
def test_a_bad_address_of_the_database_is_one_line_without_its_password(url: str) -> None:
    with pytest.raises(BadVariable) as refused:
        Environment({"DATABASE_URL": url}).database("DATABASE_URL")
    assert str(refused.value).startswith("DATABASE_URL must be ")
    assert "\n" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_parameters_of_postgresql_are_handed_on() -> None:
    parameters = "sslmode=verify-full&connect_timeout=3&target_session_attrs=read-write&options=-cx.y%3D1"
    database = Environment({"DATABASE_URL": f"postgres://till@db/till?{parameters}"}).database("DATABASE_URL")
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert {*database["OPTIONS"]} == {"sslmode", "connect_timeout", "target_session_attrs", "options"}


def test_development_mode_stays_on_the_loopback() -> None:
    assert bind_address(Environment({}), 8000, debug=True) == "127.0.0.1:8000"
    assert bind_address(Environment({"TILL_BIND": "::1"}), 8001, debug=True) == "[::1]:8001"
    assert bind_address(Environment({"TILL_BIND": "192.0.2.1"}), 8000, debug=False) == "192.0.2.1:8000"
    with pytest.raises(BadVariable, match="TILL_BIND"):
        bind_address(Environment({"TILL_BIND": "192.0.2.1"}), 8000, debug=True)


@pytest.mark.parametrize("host", ["nonsense.invalid", "127.0.0.1:8000", "unix:/run/till", "x" * 70])
def test_an_address_that_cannot_be_served_on_is_named(host: str) -> None:
    with pytest.raises(BadVariable, match=r"^TILL_BIND must be an address of this machine"):
        bind_address(Environment({"TILL_BIND": host}), 8000, debug=False)
