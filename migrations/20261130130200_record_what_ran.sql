-- A session says itself which version of a listing it runs, and whether nothing about it was changed: its
-- agent may be brought to another version before it ends, and an agent with published versions of its own
-- runs those and not its draft.

-- Names what the version is made of that the draft was brought to.
ALTER TABLE agents ADD COLUMN listing_digest TEXT;
-- The same of the draft when it was published. Nothing in what was published before.
ALTER TABLE agent_versions ADD COLUMN listing_version INTEGER;
ALTER TABLE agent_versions ADD COLUMN listing_digest TEXT;

ALTER TABLE sessions ADD COLUMN listing_id UUID;
ALTER TABLE sessions ADD COLUMN listing_version INTEGER;
ALTER TABLE sessions ADD COLUMN is_pristine BOOLEAN;

-- What is under way is recorded as it was until now.
UPDATE sessions s
SET listing_id = a.listing_id, listing_version = coalesce(a.listing_version, 1),
    is_pristine = a.revision IS NOT DISTINCT FROM a.listing_revision
FROM agents a
WHERE a.owner_id = s.owner_id AND a.agent_id = s.agent_id AND a.listing_id IS NOT NULL
  AND s.ended_at IS NULL AND NOT s.is_test;
