-- Publishers may ask for money: what a listing costs, and what a submission would make it cost. Amounts
-- are in minor units. Traits tell what is free from what is not; `cost:` stays what sessions cost to run.

ALTER TABLE listings ADD COLUMN price JSONB NOT NULL
    DEFAULT '{"kind": "free", "amount": 0, "currency": "USD"}';
ALTER TABLE listing_submissions ADD COLUMN price JSONB NOT NULL
    DEFAULT '{"kind": "free", "amount": 0, "currency": "USD"}';

ALTER TABLE listings ADD CONSTRAINT listings_price_check CHECK (
    coalesce(price ->> 'currency' IN ('USD', 'EUR', 'GBP', 'JPY')
             AND CASE
                 WHEN price ->> 'kind' = 'free'
                     THEN (price ->> 'amount')::BIGINT = 0 AND price ->> 'interval' IS NULL
                 WHEN price ->> 'kind' IN ('one_time', 'per_execution')
                     THEN (price ->> 'amount')::BIGINT BETWEEN 1 AND 10000000
                          AND price ->> 'interval' IS NULL
                 WHEN price ->> 'kind' IN ('subscription', 'rental')
                     THEN (price ->> 'amount')::BIGINT BETWEEN 1 AND 10000000
                          AND price ->> 'interval' IN ('day', 'week', 'month', 'year')
                 ELSE FALSE
             END, FALSE)
) NOT VALID;
ALTER TABLE listing_submissions ADD CONSTRAINT listing_submissions_price_check CHECK (
    coalesce(price ->> 'currency' IN ('USD', 'EUR', 'GBP', 'JPY')
             AND CASE
                 WHEN price ->> 'kind' = 'free'
                     THEN (price ->> 'amount')::BIGINT = 0 AND price ->> 'interval' IS NULL
                 WHEN price ->> 'kind' IN ('one_time', 'per_execution')
                     THEN (price ->> 'amount')::BIGINT BETWEEN 1 AND 10000000
                          AND price ->> 'interval' IS NULL
                 WHEN price ->> 'kind' IN ('subscription', 'rental')
                     THEN (price ->> 'amount')::BIGINT BETWEEN 1 AND 10000000
                          AND price ->> 'interval' IN ('day', 'week', 'month', 'year')
                 ELSE FALSE
             END, FALSE)
) NOT VALID;

CREATE OR REPLACE FUNCTION describe_listing() RETURNS TRIGGER
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
        || CASE WHEN NEW.price ->> 'kind' = 'free' THEN ARRAY['price:free']
                ELSE ARRAY['price:paid'] END
        || CASE WHEN NEW.is_verified THEN ARRAY['verified:yes'] ELSE '{}' END
        || CASE WHEN NEW.is_template THEN ARRAY['template:yes'] ELSE '{}' END;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER listings_describe
    BEFORE INSERT OR UPDATE OF name, tagline, category, description, tags, tools, publisher,
        rating_count, rating_sum, is_template, is_verified, median_cost_micro_usd, price ON listings
    FOR EACH ROW
    EXECUTE FUNCTION describe_listing();

-- All that there is so far is free.
UPDATE listings SET price = price;
