"""docs/webhooks.md keeps its word: its programs print the signatures that Till accepts."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from payments.conftest import Post, stored
from payments.webhooks.notices import ParsedNotice
from payments.webhooks.presets import PRESETS
from payments.webhooks.signatures import verify
from tests.support import recipes
from tests.support.provider import SHA1_COLON, SHA256_CONCAT, STANDARD, Form

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text()
SIGNATURES = [
    "70e224ace9d3859aca84ffb88edf593acec92dbb",
    "7b47e41efe564a062029da3367bde8844bea0fb049f894687cee5d57f2858bc8",
    "v1,Zxn4Fc84YwBFNZ5DpF2m+XQrBcob1mhTNWWjB8506+4=",
]
#: language -> what has to be on the machine, and how the program is run
RUNNERS = {
    "python": ([], [sys.executable, "-"]),
    "sh": (["openssl"], ["sh", "-s"]),
    "javascript": (["node"], ["node", "-"]),
}


def program(language: str) -> str:
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


@pytest.mark.parametrize("slug", ["stripe", "paystack"])
def test_the_page_lists_the_values_of_a_preset(slug: str) -> None:
    preset = PRESETS[slug]
    section = PAGE.partition(f"\n## {preset.label}\n")[2].partition("\n## ")[0]
    listed = {name: value for name, value in preset.values.items() if name.endswith(("pointer", "types", "header"))}
    assert {value for value in listed.values() if f"`{value}`" not in section} == set()
    assert f"/api/v1/webhooks/{slug}`" in section


@pytest.mark.parametrize("language", RUNNERS)
def test_each_program_prints_the_published_signatures(language: str) -> None:
    """Where its language is not installed, the constants in it are all that can be looked at."""
    needed, command = RUNNERS[language]
    source = program(language)
    for constant in (SHA256_CONCAT.secret, STANDARD.secret, "appkey", "1234567", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"):
        assert constant in source
    if all(map(shutil.which, needed)):
        output = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
        assert output.split() == SIGNATURES


def test_the_printed_signatures_are_credited(post: Post) -> None:
    user = recipes.user.make(pk=1)
    samples: list[tuple[Form, dict[str, str], str]] = [
        (SHA1_COLON, SHA1_COLON.fields(user_id=user.pk, account_id=123456, transaction_id=1234567), SIGNATURES[0]),
        (
            SHA256_CONCAT,
            SHA256_CONCAT.fields(
                user_id=user.pk, account_id=1, transaction_id='"5eae174f-7cd0-472c-bd36-35660f00132b"'
            ),
            SIGNATURES[1],
        ),
    ]
    for form, fields, signature in samples:
        assert post(form.unsigned({**fields, "signature": f'"{signature}"'})).status == 200
    assert stored().balances == 200


def test_the_printed_standard_signature_was_valid_in_its_five_minutes() -> None:
    headers = dict(re.findall(r"^(webhook-\w+): (.+)$", PAGE, re.MULTILINE))
    body = '{"transaction_id":"5eae174f-7cd0-472c-bd36-35660f00132b","user_id":1,"account_id":1,"amount":100}'
    unsigned = ParsedNotice("", "", "", "", signature=None, numbered=False)
    assert headers["webhook-signature"] == SIGNATURES[2]
    secrets = [STANDARD.secret]
    assert verify(unsigned, headers, body.encode(), scheme="standard_webhooks", secrets=secrets, now=1674087231)
