"""IBANs as ISO 13616 has them: a country, two check digits, and the country's own account number. No Django."""

import re
import string

_SHAPE = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_VALUES = {character: str(value) for value, character in enumerate(string.digits + string.ascii_uppercase)}

#: Characters of a whole IBAN by country, from the registry of ISO 13616. Of other countries any length from 15 to 34.
LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip


def parse_iban(text: str) -> str | None:
    """Return the IBAN in its electronic form, without spaces and in capitals, or None when it is none."""
    iban = text.replace(" ", "").replace("\N{NO-BREAK SPACE}", "").upper()
    if not _SHAPE.fullmatch(iban) or len(iban) != LENGTHS.get(iban[:2], len(iban)):
        return None
    return iban if _remainder(iban) == 1 else None


def _remainder(iban: str) -> int:
    """The check of ISO 7064: country and check digits behind the rest, letters as 10 to 35, modulo 97."""
    return int("".join(_VALUES[character] for character in iban[4:] + iban[:4])) % 97
