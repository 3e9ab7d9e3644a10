"""Log records as the request log gets them."""

import logging


def record_of(message: str, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("till.test", logging.INFO, "", 0, message, None, None)
    vars(record).update(fields)
    return record
