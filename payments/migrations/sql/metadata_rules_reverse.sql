ALTER DOMAIN till_metadata DROP CONSTRAINT metadata_is_plain_texts;
ALTER DOMAIN till_metadata DROP CONSTRAINT metadata_has_keys;
ALTER DOMAIN till_reference DROP CONSTRAINT reference_is_plain;
