-- The few templates among many listings are found without looking at the others.

CREATE INDEX listings_templates_idx ON listings (created_at, listing_id) WHERE is_template;
