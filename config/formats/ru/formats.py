"""As in English: a page that is read out over the telephone has the same figures for both sides."""

DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i:s"
DATE_FORMAT = SHORT_DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
# What a form shows is written in the first of these.
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d.%m.%Y"]
DATETIME_INPUT_FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M"]
# An amount is the text that the API and the providers send: 1234.50.
DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
