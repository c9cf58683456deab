-- So many agents and sessions (psql's variables) of one owner and a hundred others, made by the database
-- itself. The owner has nine in ten.
-- The owner's sign-in has the token 'A' * 43, and ids that can be worked out: agent n is n in hex.

INSERT INTO users (user_id, kind, display_name, created_at, updated_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::UUID, 'guest', 'Bench ' || n, now(), now()
FROM generate_series(0, 100) n;

INSERT INTO sign_ins (token_hash, user_id, created_at, last_seen_at, expires_at)
VALUES (sha256(repeat('A', 43)::BYTEA), '00000000-0000-7000-8000-000000000000', now(), now(),
        now() + INTERVAL '1 day');

INSERT INTO agents (owner_id, agent_id, name, description, avatar, system_prompt, model_policy, tools,
                    limits, status, revision, created_at, updated_at)
SELECT ('00000000-0000-7000-8000-'
        || lpad(to_hex(CASE WHEN n <= :agents * 9 / 10 THEN 0 ELSE n % 100 + 1 END), 12, '0'))::UUID,
       ('00000000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))::UUID,
       'Agent ' || n, 'What agent ' || n || ' is for', '{"icon": "spark", "hue": 250}',
       repeat('Answer briefly and name your sources. ', 60), '{"mode": "auto"}',
       '[{"name": "calculator"}, {"name": "datetime"}]',
       '{"max_steps": 10, "max_tokens": 4000, "timeout_seconds": 120}', 'active', 1,
       now() - n * INTERVAL '1 second', now() - n * INTERVAL '1 second'
FROM generate_series(1, :agents) n;

INSERT INTO sessions (owner_id, session_id, agent_id, agent_name, agent_avatar, spec, goal, state,
                      created_at, started_at, ended_at)
SELECT ('00000000-0000-7000-8000-'
        || lpad(to_hex(CASE WHEN a <= :agents * 9 / 10 THEN 0 ELSE a % 100 + 1 END), 12, '0'))::UUID,
       ('00000000-0000-7000-a000-' || lpad(to_hex(n), 12, '0'))::UUID,
       ('00000000-0000-7000-9000-' || lpad(to_hex(a), 12, '0'))::UUID,
       'Agent ' || a, '{"icon": "spark", "hue": 250}',
       '{"name": "Agent", "limits": {"max_steps": 10, "max_tokens": 4000, "timeout_seconds": 120}}',
       'Goal ' || n, 'completed', at, at, at
FROM (SELECT n, n % :agents + 1 AS a, now() - n * INTERVAL '1 millisecond' AS at
      FROM generate_series(1, :sessions) n) made;

VACUUM ANALYZE;
