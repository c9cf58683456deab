-- A notice that repeats a person's name or words knows whose: they go when the account does.

ALTER TABLE account_notices ADD COLUMN person_id UUID;

-- A process of the last release does not say whose: it is who published the listing, or has just reviewed it. Goes with
-- the next release.
CREATE FUNCTION name_person_of_notice() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.kind = 'reviewed' THEN
        NEW.person_id := (
            SELECT r.author_id
            FROM reviews r JOIN listings l ON l.listing_id = r.listing_id
            WHERE l.slug = NEW.slug
              AND NEW.created_at - r.created_at BETWEEN INTERVAL '0' AND INTERVAL '10 seconds'
            ORDER BY r.created_at DESC
            LIMIT 1
        );
    ELSE
        NEW.person_id := (SELECT l.publisher_id FROM listings l WHERE l.slug = NEW.slug);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER account_notices_name_person
    BEFORE INSERT ON account_notices
    FOR EACH ROW
    WHEN (NEW.person_id IS NULL
          AND NEW.kind IN ('followed_listing', 'followed_version', 'reviewed', 'answered'))
    EXECUTE FUNCTION name_person_of_notice();
