-- Pages of the marketplace without a search begin in the middle of an index, whatever their order: all
-- columns ascend, so that one comparison of rows bounds the scan. The first column is the order's rank,
-- turned round.

DROP INDEX listings_installs_idx;

CREATE INDEX listings_installs_idx ON listings ((-installs), lower(name), listing_id);
CREATE INDEX listings_rating_idx ON listings (
    (-(rating_hundredths * 1000000000::BIGINT + least(rating_count, 999999999))),
    lower(name), listing_id
);
CREATE INDEX listings_newest_idx ON listings (
    (-(extract(EPOCH FROM created_at AT TIME ZONE 'UTC') * 1000000)::BIGINT), lower(name), listing_id
);
CREATE INDEX listings_name_idx ON listings (lower(name), listing_id);
