-- A misspelt word of a search is put right by the words that listings hold. Words stay when their listings go:
-- whoever takes one looks first whether it finds anything. The function `listings_like` and its index are the
-- last release's, and go with the next one.

CREATE TABLE listing_words (
    word TEXT NOT NULL,
    CONSTRAINT listing_words_pkey PRIMARY KEY (word)
);

-- A slip is seldom among the first letters and among the last ones too.
CREATE INDEX listing_words_start_idx ON listing_words (left(word, 1), char_length(word));
CREATE INDEX listing_words_end_idx ON listing_words (right(word, 2), char_length(word));

-- The compounds of a text as they are written too: `e-mail` as `email`.
CREATE FUNCTION joined_compounds(words TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT coalesce(string_agg(replace(found[1], '-', ''), ' '), '')
        FROM regexp_matches(words, '\w+(?:-\w+)+', 'g') found
    $$;

CREATE OR REPLACE FUNCTION describe_listing() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
DECLARE
    told TEXT := NEW.tagline || ' ' || array_to_string(NEW.tags, ' ');
    rest TEXT := NEW.category || ' ' || NEW.publisher || ' ' || NEW.description;
BEGIN
    NEW.search := setweight(to_tsvector('english', NEW.name || ' ' || joined_compounds(NEW.name)), 'A')
        || setweight(to_tsvector('english', told || ' ' || joined_compounds(told)), 'B')
        || setweight(to_tsvector('english', rest || ' ' || joined_compounds(rest)), 'C');
    NEW.traits := ARRAY['category:' || NEW.category]
        || ARRAY(SELECT DISTINCT 'tag:' || tag FROM unnest(NEW.tags) tag)
        || ARRAY(SELECT DISTINCT 'tool:' || tool FROM unnest(NEW.tools) tool)
        || ARRAY(SELECT 'rating:' || stars FROM generate_series(1, 4) stars
                 WHERE NEW.rating_count > 0 AND NEW.rating_sum >= stars * NEW.rating_count)
        || ARRAY(SELECT 'cost:' || name
                 FROM (VALUES ('free', 0), ('cent', 10000), ('dime', 100000)) cost (name, most)
                 WHERE NEW.median_cost_micro_usd <= most)
        || CASE WHEN NEW.price ->> 'kind' = 'free' THEN ARRAY['price:free']
                ELSE ARRAY['price:paid'] END
        || CASE WHEN NEW.is_verified THEN ARRAY['verified:yes'] ELSE '{}' END
        || CASE WHEN NEW.is_template THEN ARRAY['template:yes'] ELSE '{}' END;
    RETURN NEW;
END
$$;

-- In one order, so that two who publish at once wait for each other and do not both wait.
CREATE FUNCTION keep_words_of_listing() RETURNS TRIGGER
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
    RETURN NULL;
END
$$;

CREATE TRIGGER listings_keep_words
    AFTER INSERT OR UPDATE OF name, tagline, category, description, tags, publisher ON listings
    FOR EACH ROW
    EXECUTE FUNCTION keep_words_of_listing();

-- Those that there are.
UPDATE listings SET name = name;
