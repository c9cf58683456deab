-- Those who are guests to this day count no more among the followers. The publishers are locked in one order before
-- a trigger counts, so that whoever counts at the same time waits and does not keep this waiting.

WITH followed AS (
    SELECT user_id
    FROM publishers
    WHERE user_id IN (
        SELECT f.publisher_id
        FROM publisher_follows f JOIN users u ON u.user_id = f.follower_id
        WHERE u.kind = 'guest' AND u.closed_at IS NULL
    )
    ORDER BY user_id
    FOR NO KEY UPDATE
)
UPDATE publisher_follows f
SET is_counted = FALSE
FROM users u, followed p
WHERE u.user_id = f.follower_id AND u.kind = 'guest' AND u.closed_at IS NULL
  AND p.user_id = f.publisher_id;
