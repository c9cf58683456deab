-- What lies between the end of a session and the step that went on after it is no work, and nor is what people
-- and other agents kept it waiting for: the sessions that were gone on with until now say so too, and what was
-- recorded of the listings that they ran.

-- The log tells when each of them went on: the first entry behind an end that begins a step, or the next end.
UPDATE sessions s
SET waited_ms = s.waited_ms + went_on.rested_ms
FROM (
    SELECT rest.owner_id, rest.session_id,
           sum(greatest(floor(extract(epoch FROM rest.until - rest.at) * 1000), 0))::BIGINT AS rested_ms
    FROM (
        SELECT e.owner_id, e.session_id, e.sequence, e.at, min(n.at) AS until
        FROM sessions o
        JOIN session_events e ON e.owner_id = o.owner_id AND e.session_id = o.session_id
            AND e.sequence < o.last_sequence AND e.kind = 'done'
        JOIN session_events n ON n.owner_id = e.owner_id AND n.session_id = e.session_id
            AND n.sequence > e.sequence AND n.kind IN ('step_start', 'done')
        GROUP BY e.owner_id, e.session_id, e.sequence, e.at
    ) rest
    GROUP BY rest.owner_id, rest.session_id
) went_on
WHERE s.owner_id = went_on.owner_id AND s.session_id = went_on.session_id;

-- Those that are at work again have been asked about above.
UPDATE sessions s
SET told_end_at = NULL
FROM session_events e
WHERE e.owner_id = s.owner_id AND e.session_id = s.session_id
  AND e.kind = 'step_start' AND e.at > s.told_end_at
  AND s.ended_at IS NULL AND s.told_end_at IS NOT NULL;

-- Sessions that went with their month tell nothing any more: what was recorded of those stays as it is.
UPDATE listing_runs r
SET took_ms = greatest(
        0,
        extract(epoch FROM s.ended_at - coalesce(s.started_at, s.ended_at)) * 1000 - s.waited_ms
    )::BIGINT
FROM sessions s
WHERE s.owner_id = r.owner_id AND s.session_id = r.session_id AND s.ended_at = r.ended_at
  AND s.waited_ms > 0;
