-- A follower says whether they count: a member does, a guest from when they become one. Who follows by a process of
-- the last release counts, as it counts them.

ALTER TABLE publisher_follows ADD COLUMN is_counted BOOLEAN NOT NULL DEFAULT TRUE;

CREATE OR REPLACE FUNCTION count_followers() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE publishers SET followers = followers + 1
        WHERE user_id = NEW.publisher_id AND NEW.is_counted;
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE publishers
        SET followers = followers + NEW.is_counted::INTEGER - OLD.is_counted::INTEGER
        WHERE user_id = NEW.publisher_id AND NEW.is_counted <> OLD.is_counted;
    ELSE
        UPDATE publishers SET followers = followers - 1
        WHERE user_id = OLD.publisher_id AND OLD.is_counted;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER publisher_follows_recount
    AFTER UPDATE OF is_counted ON publisher_follows
    FOR EACH ROW
    EXECUTE FUNCTION count_followers();
