-- Whoever wrote a review that was removed does not write another one in its place. Looked at behind the row, which
-- waits for a removal of the one before it. In a file by itself: it keeps writers of reviews waiting, and those change
-- listings next, which the file before locks.

CREATE FUNCTION refuse_removed_review() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM removed_reviews
        WHERE listing_id = NEW.listing_id AND author_id = NEW.author_id
    ) THEN
        RAISE unique_violation USING
            MESSAGE = 'moderators removed what the author wrote',
            CONSTRAINT = 'reviews_author_id_key';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER reviews_refuse_removed
    AFTER INSERT ON reviews
    FOR EACH ROW
    EXECUTE FUNCTION refuse_removed_review();
