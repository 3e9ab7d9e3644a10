-- A crash may forget who was throttled: rows of an unlogged table cost no write-ahead log.
ALTER TABLE accounts_throttlecount SET UNLOGGED;
