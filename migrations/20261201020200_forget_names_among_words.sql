-- With a publisher's name go the words of it that no listing has: whoever is gone, or is called otherwise, stands in
-- none of them. New words come first, and both in one order, so that two who do so at once wait for each other and do
-- not both wait. A word that somebody publishes at that moment may be lost until their listing changes: it is not put
-- right meanwhile.

CREATE OR REPLACE FUNCTION keep_words_of_listing() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
DECLARE
    words TEXT := concat_ws(' ', NEW.name, NEW.tagline, array_to_string(NEW.tags, ' '), NEW.category,
                            NEW.publisher, NEW.description);
BEGIN
    INSERT INTO listing_words (word)
    SELECT word
    FROM unnest(tsvector_to_array(
        to_tsvector('simple', words || ' ' || joined_compounds(words))
    )) word
    WHERE char_length(word) BETWEEN 3 AND 40 AND word !~ '[-0-9@./:_]'
    ORDER BY word
    ON CONFLICT (word) DO NOTHING;
    IF TG_OP = 'UPDATE' AND OLD.publisher <> NEW.publisher THEN
        WITH lost AS (
            SELECT w.word
            FROM listing_words w
            WHERE w.word = ANY (tsvector_to_array(
                      to_tsvector('simple', OLD.publisher || ' ' || joined_compounds(OLD.publisher))
                  ))
              AND NOT EXISTS (
                  SELECT FROM listings l WHERE l.search @@ plainto_tsquery('english', w.word)
              )
            ORDER BY w.word
            FOR UPDATE
        )
        DELETE FROM listing_words w
        USING lost
        WHERE w.word = lost.word;
    END IF;
    RETURN NULL;
END
$$;
