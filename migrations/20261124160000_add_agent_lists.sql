-- Lists of agents are sorted by name and by runs too, and a deleted agent can be brought back.

ALTER TABLE agents
    ADD COLUMN name_key   TEXT COLLATE "C" GENERATED ALWAYS AS (lower(name)) STORED,
    ADD COLUMN run_count  BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN deleted_at TIMESTAMPTZ;
