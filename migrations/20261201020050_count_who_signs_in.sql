-- Whoever becomes a member by a process of the last release is not counted by it: who signs in as one, as one does
-- who becomes it, is counted where they are not yet. Goes with the next release.

-- Publishers before listings, and each in one order, as where this release counts: so two who do so at once wait for
-- each other and do not both wait.
CREATE FUNCTION count_who_signs_in() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM users u WHERE u.user_id = NEW.user_id AND u.kind = 'member') THEN
        RETURN NULL;
    END IF;
    WITH followed AS (
        SELECT user_id
        FROM publishers
        WHERE user_id IN (
            SELECT publisher_id FROM publisher_follows
            WHERE follower_id = NEW.user_id AND NOT is_counted
        )
        ORDER BY user_id
        FOR NO KEY UPDATE
    )
    UPDATE publisher_follows f
    SET is_counted = TRUE
    FROM followed
    WHERE f.follower_id = NEW.user_id AND f.publisher_id = followed.user_id AND NOT f.is_counted;
    WITH counted AS (
        UPDATE installs
        SET is_counted = TRUE
        WHERE owner_id = NEW.user_id AND NOT is_counted
        RETURNING listing_id
    ), installed AS (
        SELECT listing_id
        FROM listings
        WHERE listing_id IN (SELECT listing_id FROM counted)
          AND publisher_id IS DISTINCT FROM NEW.user_id
        ORDER BY listing_id
        FOR NO KEY UPDATE
    )
    UPDATE listings l
    SET installs = l.installs + 1
    FROM installed
    WHERE l.listing_id = installed.listing_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER sign_ins_count
    AFTER INSERT ON sign_ins
    FOR EACH ROW
    EXECUTE FUNCTION count_who_signs_in();
