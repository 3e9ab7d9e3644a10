-- What autovacuum would do in its own time, so that it does not run while something is measured.
VACUUM (ANALYZE);
CHECKPOINT;
