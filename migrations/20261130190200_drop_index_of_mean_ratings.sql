-- no-transaction
-- Nobody asks for the order of plain means any more.

DROP INDEX CONCURRENTLY IF EXISTS listings_rating_idx;
