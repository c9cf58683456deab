-- How many more thumbs of an agent's sessions point up than down, so that lists are sorted by it.

ALTER TABLE agents ADD COLUMN liking BIGINT NOT NULL DEFAULT 0;
