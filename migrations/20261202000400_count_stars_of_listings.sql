-- How many reviews of a listing have one star, two and so on, counted with its other numbers as they come, change and
-- go. Those that were written before are counted by the next file: this one keeps readers of listings waiting.

ALTER TABLE listings ADD COLUMN star_counts BIGINT[] NOT NULL DEFAULT '{0,0,0,0,0}';

CREATE OR REPLACE FUNCTION count_reviews() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE listings
        SET rating_count = rating_count + 1, rating_sum = rating_sum + NEW.stars,
            star_counts[NEW.stars] = star_counts[NEW.stars] + 1
        WHERE listing_id = NEW.listing_id;
    ELSIF TG_OP = 'UPDATE' THEN
        IF NEW.stars <> OLD.stars THEN
            UPDATE listings
            SET rating_sum = rating_sum - OLD.stars + NEW.stars,
                star_counts[OLD.stars] = star_counts[OLD.stars] - 1,
                star_counts[NEW.stars] = star_counts[NEW.stars] + 1
            WHERE listing_id = NEW.listing_id;
        END IF;
    ELSE
        UPDATE listings
        SET rating_count = rating_count - 1, rating_sum = rating_sum - OLD.stars,
            star_counts[OLD.stars] = star_counts[OLD.stars] - 1
        WHERE listing_id = OLD.listing_id;
    END IF;
    RETURN NULL;
END
$$;
