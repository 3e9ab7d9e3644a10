"""Money of one currency for another's.

`rates` are imported from files of the European Central Bank (`rate_import`, `ecb_files`). `quotes` promise one, and
`exchanges` move the money.

Lock order, written down once: the quote's row, then the wallets, through the ledger. A rate's row is read without a
lock: an exchange keeps the rate that it read.
"""

from payments.exchange.services.ecb_files import MalformedSheet, RateSheet, read_sheet
from payments.exchange.services.exchanges import (
    ExpectedRate,
    QuoteExpired,
    QuoteUsed,
    RateSlipped,
    exchange,
    exchange_quoted,
)
from payments.exchange.services.quotes import TooManyQuotes, prune_quotes, quote
from payments.exchange.services.rate_import import SAMPLE, Loaded, Unreachable, fetch, load_rates
from payments.exchange.services.rates import (
    ConfirmationRequired,
    InvalidRate,
    current_rate,
    gaining_back,
    is_stale,
    remove_rate,
    set_rate,
)
from payments.exchange.terms import RateUnavailable, SameCurrency, oldest_in_use

__all__ = [
    "SAMPLE",
    "ConfirmationRequired",
    "ExpectedRate",
    "InvalidRate",
    "Loaded",
    "MalformedSheet",
    "QuoteExpired",
    "QuoteUsed",
    "RateSheet",
    "RateSlipped",
    "RateUnavailable",
    "SameCurrency",
    "TooManyQuotes",
    "Unreachable",
    "current_rate",
    "exchange",
    "exchange_quoted",
    "fetch",
    "gaining_back",
    "is_stale",
    "load_rates",
    "oldest_in_use",
    "prune_quotes",
    "quote",
    "read_sheet",
    "remove_rate",
    "set_rate",
]
