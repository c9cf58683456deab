-- What publishers answered to reviews goes with their accounts, and so does what others were told of it.

UPDATE reviews r
SET answer = NULL, answered_at = NULL
FROM listings l
WHERE l.listing_id = r.listing_id AND l.publisher_id IS NULL AND r.answer IS NOT NULL;

UPDATE account_notices n
SET person_id = l.publisher_id
FROM listings l
WHERE n.kind = 'answered' AND l.slug = n.slug AND l.publisher_id IS NOT NULL;

UPDATE account_notices
SET body = ''
WHERE kind = 'answered' AND person_id IS NULL AND body <> '';
