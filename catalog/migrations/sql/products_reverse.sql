DROP TRIGGER version_rises ON catalog_product;
