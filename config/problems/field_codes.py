"""The codes in an error's `errors`: what is wrong with one field. /docs/errors shows them.

A rule with a row in the table of problems gives its field that code; those are not here.
"""

FIELD_CODES = {
    # --- any field or parameter ---
    "required": "The field is missing.",
    "null": "The field must not be null.",
    "blank": "The text is empty, or the parameter has no value.",
    "invalid": "It is of another type or form; `detail` says of which it must be.",
    "invalid_choice": "It is none of the values that the field knows.",
    "characters_not_allowed": "The text holds a control character or one that changes the direction of writing.",
    "min_length": "The text is too short.",
    "max_length": "The text or the list is too long.",
    "not_a_list": "The field must be a list.",
    "empty": "The list is empty.",
    "min_value": "The number is too small.",
    "max_value": "The number is too large.",
    "out_of_range": "The number is outside of the range that `detail` names.",
    "overflow": "The time is outside of the calendar.",
    "exactly_one": "Of the fields named together exactly one must be given.",
    "not_with": "The field does not go with another one that is given.",
    "fixed": "The field cannot be changed.",
    "reserved": "The address belongs to a deleted user.",
    "too_many_keys": "The object has more keys than are kept.",
    "invalid_key": "A key of the object is too long, or has a character that is not allowed.",
    "unknown_field": "The body has a member that is not known here, or that nobody may set.",
    "unknown_parameter": "The address does not know this parameter.",
    "repeated_parameter": "The parameter is given more than once.",
    "secret_in_address": "A password or a token stands in the address, which logs keep.",
    # --- amounts ---
    "amount_not_positive": "The amount must be greater than zero.",
    "amount_too_small": "At the rate nothing is left of the amount.",
    "amount_too_large": "The amount, or what it makes together, is larger than may be moved.",
    "too_many_decimals": "It has more decimals than are kept; nothing is rounded.",
    "percent_out_of_range": "A percentage is from 0 to 100.",
    "maximum_below_minimum": "The maximum must not be less than the minimum.",
    # --- details of external wallets ---
    "detail_missing": "This kind of external wallet needs the member.",
    "invalid_iban": "It is no IBAN, or a character of it is wrong.",
    "invalid_bic": "It is no BIC.",
    "invalid_holder": "The holder's name is empty or too long.",
    "invalid_last4": "They are not the last four digits of a card.",
    "invalid_expiry": "It is not a month and a year.",
    "invalid_address": "It is no address of a blockchain.",
    "invalid_network": "It is no name of a network.",
    "invalid_description": "The description is empty or too long.",
    # --- notices ---
    "id_out_of_range": "An id is a whole number from 1 to 9223372036854775807.",
    "currency_not_taken": "Till does not know the currency, or the provider may not pay in it.",
    "uuid_required": "This provider's transaction ids must be UUIDs.",
}
