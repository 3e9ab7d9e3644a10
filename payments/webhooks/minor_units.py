"""How many digits the minor unit of a currency has, as providers count it. No Django."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

#: ISO 4217: codes by the digits of their minor unit.
_ISO: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY"
    " COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR"
    " IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD"
    " NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC"
    " SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
    " BOV CHE CHW COU MXV USN",  # units of account
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS: Final[Mapping[str, int]] = {code: digits for digits, codes in _ISO.items() for code in codes.split()}
#: Stripe counts these otherwise than ISO 4217 does: https://docs.stripe.com/currencies
_STRIPE: Final[Mapping[str, int]] = {"ISK": 2, "UGX": 2, "MGA": 0}


def digits(currency: str, *, decimal_places: int, scheme: str) -> int:
    """Return by how many digits a provider shifts the point of an amount in this currency.

    The standard says that, and not Till, which may keep more digits of a currency or fewer. Of a code that the standard
    does not know, such as BTC, it is `decimal_places`.
    """
    if scheme == "stripe" and currency in _STRIPE:
        return _STRIPE[currency]
    return _DIGITS.get(currency, decimal_places)


def to_major(minor: str, shift: int, *, decimal_places: int) -> Decimal:
    """Return a whole number of minor units in units, exactly. It has no more decimals than it needs, or than are kept.

    The exponent is part of the text, so nothing is computed and nothing rounded.
    """
    while shift > decimal_places and minor.endswith("0") and minor != "0":
        minor, shift = minor[:-1], shift - 1
    return Decimal(f"{minor}E-{shift}")
