-- The statement that ends a session tells webhooks and records runs of listings itself, since tables
-- that are spread over a cluster have no triggers. Until the release before is gone the triggers stay:
-- they pass by an end that is told already.

-- The end that was told by whoever wrote it.
ALTER TABLE sessions ADD COLUMN told_end_at TIMESTAMPTZ;

CREATE OR REPLACE FUNCTION record_listing_run() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.is_test OR NEW.told_end_at IS NOT DISTINCT FROM NEW.ended_at THEN
        RETURN NULL;
    END IF;
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

CREATE OR REPLACE FUNCTION tell_webhooks() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.is_test OR NEW.told_end_at IS NOT DISTINCT FROM NEW.ended_at THEN
        RETURN NULL;
    END IF;
    INSERT INTO webhook_deliveries (owner_id, delivery_id, webhook_id, session_id,
                                    next_attempt_at, created_at)
    SELECT NEW.owner_id, gen_random_uuid(), webhook_id, NEW.session_id, NEW.ended_at, NEW.ended_at
    FROM webhooks
    WHERE owner_id = NEW.owner_id AND (agent_id IS NULL OR agent_id = NEW.agent_id);
    RETURN NULL;
END
$$;
