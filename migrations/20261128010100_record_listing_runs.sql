-- Which sessions ran a listing's agent, and how they ended: what the platform measures about a listing,
-- and who may judge it. Kept when a session's own record is dropped with its month.

-- Of which version an agent is a copy, and the revision in which it is nothing but that.
ALTER TABLE agents ADD COLUMN listing_version INTEGER;
ALTER TABLE agents ADD COLUMN listing_revision BIGINT;

UPDATE agents
SET listing_version = 1, listing_revision = 1
WHERE listing_id IS NOT NULL;

CREATE TABLE listing_runs (
    owner_id       UUID        NOT NULL,
    session_id     UUID        NOT NULL,
    listing_id     UUID        NOT NULL,
    version        INTEGER     NOT NULL,
    -- Whether the owner has changed the agent since it was installed.
    is_changed     BOOLEAN     NOT NULL,
    is_completed   BOOLEAN     NOT NULL,
    took_ms        BIGINT      NOT NULL,
    cost_micro_usd BIGINT      NOT NULL,
    ended_at       TIMESTAMPTZ NOT NULL,
    CONSTRAINT listing_runs_pkey PRIMARY KEY (owner_id, session_id),
    CONSTRAINT listing_runs_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
);

-- The newest run of one person.
CREATE INDEX listing_runs_owner_id_idx ON listing_runs (owner_id, listing_id, session_id DESC);
-- The newest runs of a version as it was published, over all people.
CREATE INDEX listing_runs_version_idx ON listing_runs (listing_id, version, session_id DESC)
    WHERE NOT is_changed;

INSERT INTO listing_runs (owner_id, session_id, listing_id, version, is_changed, is_completed,
                          took_ms, cost_micro_usd, ended_at)
SELECT s.owner_id, s.session_id, a.listing_id, a.listing_version, a.revision > 1,
       s.state = 'completed',
       greatest(0, extract(EPOCH FROM s.ended_at - coalesce(s.started_at, s.ended_at)) * 1000)::BIGINT,
       s.cost_micro_usd, s.ended_at
FROM sessions s JOIN agents a ON a.owner_id = s.owner_id AND a.agent_id = s.agent_id
WHERE a.listing_id IS NOT NULL AND s.state IN ('completed', 'failed', 'timeout');

-- Written in the transaction that ends the session, whoever ends it. A session that goes on and ends
-- again counts as it ended last.
CREATE FUNCTION record_listing_run() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO listing_runs (owner_id, session_id, listing_id, version, is_changed, is_completed,
                              took_ms, cost_micro_usd, ended_at)
    SELECT NEW.owner_id, NEW.session_id, listing_id, coalesce(listing_version, 1),
           revision IS DISTINCT FROM listing_revision,
           NEW.state = 'completed',
           greatest(0, extract(EPOCH FROM NEW.ended_at
                                          - coalesce(NEW.started_at, NEW.ended_at)) * 1000)::BIGINT,
           NEW.cost_micro_usd, NEW.ended_at
    FROM agents
    WHERE owner_id = NEW.owner_id AND agent_id = NEW.agent_id AND listing_id IS NOT NULL
    ON CONFLICT (owner_id, session_id) DO UPDATE
    SET is_changed = EXCLUDED.is_changed, is_completed = EXCLUDED.is_completed,
        took_ms = EXCLUDED.took_ms, cost_micro_usd = EXCLUDED.cost_micro_usd,
        ended_at = EXCLUDED.ended_at;
    RETURN NULL;
END
$$;

CREATE TRIGGER sessions_record_listing_run
    AFTER UPDATE OF ended_at ON sessions
    FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
          AND NEW.state IN ('completed', 'failed', 'timeout'))
    EXECUTE FUNCTION record_listing_run();
