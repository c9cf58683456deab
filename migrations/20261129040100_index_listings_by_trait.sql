-- no-transaction
-- Filters ask for listings with all of some traits.

CREATE INDEX CONCURRENTLY IF NOT EXISTS listings_traits_idx ON listings USING GIN (traits);
