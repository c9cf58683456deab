-- The queue stays on one node of a cluster, where workers take what is due of all owners; a table that
-- refers to people would be taken in by the cluster. Who deletes a user deletes what is queued too.

ALTER TABLE session_queue DROP CONSTRAINT IF EXISTS session_queue_owner_id_fkey;
