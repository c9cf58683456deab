-- The installs of those who are guests to this day count no more in the numbers of listings, which are locked in one
-- order, as where others change several.

WITH guests AS (
    UPDATE installs i
    SET is_counted = FALSE
    FROM users u
    WHERE u.user_id = i.owner_id AND u.kind = 'guest' AND u.closed_at IS NULL
    RETURNING i.listing_id, i.owner_id
), lost AS (
    SELECT g.listing_id, count(*) AS installs
    FROM guests g JOIN listings l ON l.listing_id = g.listing_id
    WHERE l.publisher_id IS DISTINCT FROM g.owner_id
    GROUP BY g.listing_id
), installed AS (
    SELECT listing_id
    FROM listings
    WHERE listing_id IN (SELECT listing_id FROM lost)
    ORDER BY listing_id
    FOR NO KEY UPDATE
)
UPDATE listings l
SET installs = greatest(0, l.installs - lost.installs)
FROM lost, installed
WHERE l.listing_id = lost.listing_id AND installed.listing_id = lost.listing_id;
