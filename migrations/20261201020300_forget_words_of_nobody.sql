-- Words that no listing has any more, names of those who are gone among them. In the order in which others take them.

WITH lost AS (
    SELECT w.word
    FROM listing_words w
    WHERE NOT EXISTS (
        SELECT FROM listings l WHERE l.search @@ plainto_tsquery('english', w.word)
    )
    ORDER BY w.word
    FOR UPDATE
)
DELETE FROM listing_words w
USING lost
WHERE w.word = lost.word;
