-- What listings are found by besides their words: traits such as `tag:money` or `tool:calculator`, which
-- filters ask for and facets count, and the figures that the order by trend and the cost need.

ALTER TABLE listings ADD COLUMN tools TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE listings ADD COLUMN traits TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE listings ADD COLUMN is_verified BOOLEAN NOT NULL DEFAULT FALSE;
-- Installs of the last two weeks, the newer ones count more.
ALTER TABLE listings ADD COLUMN trend BIGINT NOT NULL DEFAULT 0;
-- What half of the measured sessions of the present version cost at most; nothing before one was.
ALTER TABLE listings ADD COLUMN median_cost_micro_usd BIGINT;
ALTER TABLE listings ADD CONSTRAINT listings_trend_check CHECK (trend >= 0) NOT VALID;

-- Written by the trigger from now on, since it holds tags and the publisher too.
ALTER TABLE listings ALTER COLUMN search DROP EXPRESSION;

-- The tools of an agent by which its listing is found: built-in ones by name, others by their kind.
CREATE FUNCTION listing_tools(spec JSONB) RETURNS TEXT[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT coalesce(array_agg(DISTINCT CASE
            WHEN coalesce(tool -> 'settings' ->> 'kind', 'built_in') = 'built_in' THEN tool ->> 'name'
            ELSE tool -> 'settings' ->> 'kind'
        END), '{}')
        FROM jsonb_array_elements(
            CASE jsonb_typeof(spec -> 'tools') WHEN 'array' THEN spec -> 'tools' ELSE '[]' END
        ) tool
        WHERE tool ->> 'name' IS NOT NULL
    $$;

CREATE FUNCTION describe_listing() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.search := setweight(to_tsvector('english', NEW.name), 'A')
        || setweight(to_tsvector('english', NEW.tagline || ' ' || array_to_string(NEW.tags, ' ')), 'B')
        || setweight(to_tsvector('english', NEW.category || ' ' || NEW.publisher || ' '
                                            || NEW.description), 'C');
    NEW.traits := ARRAY['category:' || NEW.category]
        || ARRAY(SELECT DISTINCT 'tag:' || tag FROM unnest(NEW.tags) tag)
        || ARRAY(SELECT DISTINCT 'tool:' || tool FROM unnest(NEW.tools) tool)
        || ARRAY(SELECT 'rating:' || stars FROM generate_series(1, 4) stars
                 WHERE NEW.rating_count > 0 AND NEW.rating_sum >= stars * NEW.rating_count)
        || ARRAY(SELECT 'cost:' || name
                 FROM (VALUES ('free', 0), ('cent', 10000), ('dime', 100000)) cost (name, most)
                 WHERE NEW.median_cost_micro_usd <= most)
        || CASE WHEN NEW.is_verified THEN ARRAY['verified:yes'] ELSE '{}' END
        || CASE WHEN NEW.is_template THEN ARRAY['template:yes'] ELSE '{}' END;
    RETURN NEW;
END
$$;

CREATE TRIGGER listings_describe
    BEFORE INSERT OR UPDATE OF name, tagline, category, description, tags, tools, publisher,
        rating_count, rating_sum, is_template, is_verified, median_cost_micro_usd ON listings
    FOR EACH ROW
    EXECUTE FUNCTION describe_listing();

-- A new version may have other tools.
CREATE FUNCTION describe_listing_version() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE listings
    SET tools = listing_tools(NEW.spec)
    WHERE listing_id = NEW.listing_id AND version = NEW.version;
    RETURN NULL;
END
$$;

CREATE TRIGGER listing_versions_describe
    AFTER INSERT ON listing_versions
    FOR EACH ROW
    EXECUTE FUNCTION describe_listing_version();

-- What comes with the installation is vouched for by whoever runs it.
UPDATE listings l
SET tools = listing_tools(v.spec),
    is_verified = l.agent_id IS NULL
FROM listing_versions v
WHERE v.listing_id = l.listing_id AND v.version = l.version;

-- A misspelt word finds its listings by an index where pg_trgm is there; elsewhere nothing is alike.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm') THEN
        CREATE INDEX listings_likeness_idx ON listings
            USING GIN ((name || ' ' || tagline) gin_trgm_ops);
        CREATE FUNCTION listings_like(word TEXT) RETURNS SETOF UUID
            LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
            SET pg_trgm.word_similarity_threshold = 0.5
            AS 'SELECT listing_id FROM listings WHERE word <% (name || '' '' || tagline) LIMIT 1000';
    ELSE
        CREATE FUNCTION listings_like(word TEXT) RETURNS SETOF UUID
            LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
            AS 'SELECT NULL::UUID WHERE FALSE';
    END IF;
END
$$;
