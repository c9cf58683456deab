-- Of whom the notices are that there are: of the listing's publisher, or of who reviewed it at that moment. Who is
-- not found is gone, and so are their name and their words.

UPDATE account_notices n
SET person_id = l.publisher_id
FROM listings l
WHERE n.kind IN ('followed_listing', 'followed_version') AND l.slug = n.slug
  AND l.publisher_id IS NOT NULL;

UPDATE account_notices n
SET person_id = r.author_id
FROM reviews r JOIN listings l ON l.listing_id = r.listing_id
WHERE n.kind = 'reviewed' AND l.slug = n.slug
  AND n.created_at - r.created_at BETWEEN INTERVAL '0' AND INTERVAL '10 seconds';

UPDATE account_notices
SET body = CASE kind WHEN 'reviewed' THEN '' ELSE 'By a deleted account' END
WHERE kind IN ('followed_listing', 'followed_version', 'reviewed') AND person_id IS NULL
  AND body <> '';
