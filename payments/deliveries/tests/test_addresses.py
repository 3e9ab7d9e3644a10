"""Where events may be sent: public addresses, in whatever form one is written."""

import ipaddress

import pytest

from payments.deliveries.addresses import InvalidUrl, check_url, is_allowed

PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
REFUSED = {
    "loopback": ["127.0.0.1", "127.8.9.10", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fd12::1", "fc00::1", "fec0::1"],
    "link-local, and a cloud's metadata": ["169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254"],
    "metadata elsewhere": ["100.100.100.200", "168.63.129.16", "192.0.0.192"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1"],
    "unspecified": ["0.1.2.3", "::", "::ffff:0:0"],
    "reserved": ["240.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "2001:db8::1", "3fff::1", "100::1"],
    "shared by a carrier's customers": ["100.64.0.1"],
    "IPv4 in IPv6: mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"],
    "IPv4 in IPv6: compatible": ["::7f00:1", "::10.0.0.1"],
    "IPv4 in IPv6: translated": ["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "::ffff:0:127.0.0.1"],
    "IPv4 in IPv6: tunnels": ["2002:7f00:1::", "2002:808:808::1", "2001:0:7f00:1::1"],
    "no address": ["", "localhost", "127.1", "0x7f000001", "2130706433", "[::1]"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize("address", [address for addresses in REFUSED.values() for address in addresses])
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize(
    ("network", "address", "expected"),
    [
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("fd12::/32", "fd12::9", True),
        ("fd12::/32", "10.1.2.3", False),
    ],
)
def test_the_operator_may_allow_more(network: str, address: str, expected: bool) -> None:
    assert is_allowed(address, [ipaddress.ip_network(network)]) is expected


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://hooks.example.com:8443/till?key=1",
        "https://sub_domain.example.com/a%20b",
        "https://8.8.8.8/hook",
        "https://[2606:4700::1111]:443/hook",
    ],
)
def test_an_address_on_the_web_is_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.com", "ftp://example.com", "file:///etc/passwd", "//example.com", "example.com", "https://"),
        *("https://user:secret@example.com", "https://user@example.com", "https://example.com@10.0.0.1/"),
        *("https://example.com:22", "https://example.com:0", "https://example.com:65536", "https://example.com:x"),
        *("https://example.com/#a", "https://exa mple.com", "https://exämple.com", "https://example.com\\@10.0.0.1/"),
        *("https://127.0.0.1", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest"),
        *("https://127.1", "https://2130706433", "https://0x7f000001", "https://0177.0.0.1", "https://-a.com", "https://a..b"),
        "https://example.com/\n",
        "https://example.com/" + "a" * 500,
    ],
)  # fmt: skip
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl):
        check_url(url)


def test_http_is_for_development_and_its_own_networks() -> None:
    loopback = [ipaddress.ip_network("127.0.0.0/8")]
    check_url("http://127.0.0.1:8001/hook", networks=loopback, allow_http=True)
    check_url("http://localhost:8001/hook", networks=loopback, allow_http=True)
    with pytest.raises(InvalidUrl):
        check_url("http://127.0.0.1:8001/hook", networks=loopback)
