-- Test sets: cases on which an agent is run to see whether it still does what it should, and what came
-- of them. Each case runs as a session that is marked as a test.

ALTER TABLE sessions ADD COLUMN is_test BOOLEAN NOT NULL DEFAULT FALSE;

-- Whether a version may be published only when all test sets pass.
ALTER TABLE agents ADD COLUMN requires_tests BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE test_sets (
    owner_id    UUID        NOT NULL,
    test_set_id UUID        NOT NULL,
    agent_id    UUID        NOT NULL,
    name        TEXT        NOT NULL,
    cases       JSONB       NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    CONSTRAINT test_sets_pkey PRIMARY KEY (owner_id, test_set_id),
    CONSTRAINT test_sets_agent_id_fkey FOREIGN KEY (owner_id, agent_id)
        REFERENCES agents (owner_id, agent_id) ON DELETE CASCADE
);

CREATE INDEX test_sets_agent_id_idx ON test_sets (owner_id, agent_id);

CREATE TABLE test_runs (
    owner_id      UUID        NOT NULL,
    test_run_id   UUID        NOT NULL,
    test_set_id   UUID        NOT NULL,
    agent_version INTEGER,
    -- The agent and the cases as they were: what becomes of them later changes no result.
    spec          JSONB       NOT NULL,
    cases         JSONB       NOT NULL,
    started_at    TIMESTAMPTZ NOT NULL,
    ended_at      TIMESTAMPTZ,
    CONSTRAINT test_runs_pkey PRIMARY KEY (owner_id, test_run_id),
    CONSTRAINT test_runs_test_set_id_fkey FOREIGN KEY (owner_id, test_set_id)
        REFERENCES test_sets (owner_id, test_set_id) ON DELETE CASCADE
);

CREATE INDEX test_runs_test_set_id_idx ON test_runs (owner_id, test_set_id, test_run_id DESC);
-- What is under way, over all owners.
CREATE INDEX test_runs_open_idx ON test_runs (started_at) WHERE ended_at IS NULL;

CREATE TABLE test_results (
    owner_id    UUID    NOT NULL,
    test_run_id UUID    NOT NULL,
    position    INTEGER NOT NULL,
    session_id  UUID    NOT NULL,
    -- The sessions in which a model judges the answer, one for each criterion.
    judge_ids   UUID[]  NOT NULL DEFAULT '{}',
    outcome     JSONB,
    CONSTRAINT test_results_pkey PRIMARY KEY (owner_id, test_run_id, position),
    CONSTRAINT test_results_test_run_id_fkey FOREIGN KEY (owner_id, test_run_id)
        REFERENCES test_runs (owner_id, test_run_id) ON DELETE CASCADE
);

-- A test is no run of the listing, and nobody is told of its end.
CREATE OR REPLACE FUNCTION record_listing_run() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.is_test THEN
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
    IF NEW.is_test THEN
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
