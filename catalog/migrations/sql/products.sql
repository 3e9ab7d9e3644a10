-- The version is the product's ETag: a change that left it would be lost on whoever changes the product next.

CREATE TRIGGER version_rises BEFORE UPDATE ON catalog_product FOR EACH ROW
    WHEN (NEW.version <= OLD.version)
    EXECUTE FUNCTION till_refuse('a change raises the version');
