-- What clients may attach to documents: payments/metadata/members.py has the same rules. The rows that are there have
-- nothing attached, so NOT VALID leaves them unread.
ALTER DOMAIN till_reference ADD CONSTRAINT reference_is_plain CHECK (
    VALUE !~ '[\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]'
) NOT VALID;
ALTER DOMAIN till_metadata ADD CONSTRAINT metadata_has_keys CHECK (
    jsonb_typeof(VALUE) = 'object'
    AND jsonb_array_length(jsonb_path_query_array(VALUE, '$.keyvalue().key')) BETWEEN 1 AND 20
    AND NOT VALUE @? 'strict $.keyvalue().key ? (!(@ like_regex "^[A-Za-z0-9_.-]{1,40}$"))'
) NOT VALID;
ALTER DOMAIN till_metadata ADD CONSTRAINT metadata_is_plain_texts CHECK (
    NOT VALUE @? 'strict $.* ? (@.type() != "string")'
    AND NOT VALUE @? 'strict $.* ? (@ like_regex "^(.{250}){2}." flag "s")'
    AND NOT VALUE @? 'strict $.* ? (@ like_regex "[\\u0001-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069]")'
) NOT VALID;
