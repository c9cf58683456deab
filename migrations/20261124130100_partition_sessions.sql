-- Sessions and their events by month, so that old ones go with their partition and no index outgrows
-- its month.
--
-- A session's id is a UUID of version 7 and begins with its time, so ranges of ids are ranges of time:
-- every statement that names a session finds its partition, and ids stay unique. What is there already
-- becomes the first partition without being copied. The last one takes what has no month yet.

-- The lowest id that can be made at an instant.
CREATE FUNCTION first_id_at(instant TIMESTAMPTZ) RETURNS UUID
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
        SELECT rpad(lpad(to_hex(floor(extract(EPOCH FROM instant) * 1000)::BIGINT), 12, '0'), 32, '0')::UUID
    $$;

ALTER TABLE session_events DROP CONSTRAINT session_events_session_id_fkey;
ALTER TABLE session_queue DROP CONSTRAINT session_queue_session_id_fkey;
-- Events are written too often to ask for their owner each time: who deletes a user deletes them too.
ALTER TABLE session_queue ADD CONSTRAINT session_queue_owner_id_fkey
    FOREIGN KEY (owner_id) REFERENCES users (user_id) ON DELETE CASCADE;

-- A list by agent follows the ids too. What is created when is asked over all owners.
DROP INDEX idx_sessions_agent_id;
DROP INDEX idx_sessions_created_at;

ALTER TABLE sessions RENAME TO sessions_earlier;
ALTER TABLE sessions_earlier RENAME CONSTRAINT sessions_pkey TO sessions_earlier_pkey;
ALTER TABLE session_events RENAME TO session_events_earlier;
ALTER TABLE session_events_earlier RENAME CONSTRAINT session_events_pkey TO session_events_earlier_pkey;

CREATE TABLE sessions (
    LIKE sessions_earlier INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    CONSTRAINT sessions_pkey PRIMARY KEY (owner_id, session_id),
    CONSTRAINT sessions_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (user_id)
        ON DELETE CASCADE
) PARTITION BY RANGE (session_id);

CREATE TABLE session_events (
    LIKE session_events_earlier INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    CONSTRAINT session_events_pkey PRIMARY KEY (owner_id, session_id, sequence)
) PARTITION BY RANGE (session_id);

CREATE INDEX idx_sessions_agent_id ON sessions (owner_id, agent_id, session_id DESC);
CREATE INDEX idx_sessions_created_at ON sessions (created_at DESC);

DO $$
DECLARE
    first TIMESTAMPTZ := date_trunc('month', now(), 'UTC');
    bound UUID := first_id_at(first);
BEGIN
    IF EXISTS (SELECT FROM sessions_earlier WHERE session_id >= bound)
       OR EXISTS (SELECT FROM session_events_earlier WHERE session_id >= bound) THEN
        bound := first_id_at(first + INTERVAL '1 month');
    END IF;
    EXECUTE format('ALTER TABLE sessions ATTACH PARTITION sessions_earlier
                    FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    EXECUTE format('ALTER TABLE session_events ATTACH PARTITION session_events_earlier
                    FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    EXECUTE format('CREATE TABLE sessions_later PARTITION OF sessions
                    FOR VALUES FROM (%L) TO (MAXVALUE)', bound);
    EXECUTE format('CREATE TABLE session_events_later PARTITION OF session_events
                    FOR VALUES FROM (%L) TO (MAXVALUE)', bound);
END
$$;
