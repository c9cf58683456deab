-- Counts the stars of the reviews that were written before. Who writes reviews waits meanwhile, so that none is counted
-- twice; nobody who reads waits.

LOCK TABLE reviews IN SHARE ROW EXCLUSIVE MODE;

UPDATE listings l
SET star_counts = counted.stars
FROM (
    SELECT given.listing_id,
           ARRAY[count(*) FILTER (WHERE r.stars = 1), count(*) FILTER (WHERE r.stars = 2),
                 count(*) FILTER (WHERE r.stars = 3), count(*) FILTER (WHERE r.stars = 4),
                 count(*) FILTER (WHERE r.stars = 5)] AS stars
    FROM listings given
    LEFT JOIN reviews r ON r.listing_id = given.listing_id
    GROUP BY given.listing_id
) counted
WHERE l.listing_id = counted.listing_id AND l.star_counts <> counted.stars;
