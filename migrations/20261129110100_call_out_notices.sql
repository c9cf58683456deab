-- Whoever looks at how many notices are unread is told at once, in whichever process: the readers are
-- called out when the transaction commits that told them something or marked it as read.

CREATE FUNCTION call_out_notices() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- One call takes 8,000 bytes, and an id 37 of them.
    PERFORM pg_notify('resonant_notices', string_agg(reader_id::TEXT, ' '))
    FROM (
        SELECT reader_id, (row_number() OVER () - 1) / 200 AS call
        FROM (SELECT DISTINCT reader_id FROM told) AS readers
    ) AS calls
    GROUP BY call;
    RETURN NULL;
END
$$;

CREATE TRIGGER account_notices_inserted
    AFTER INSERT ON account_notices
    REFERENCING NEW TABLE AS told
    FOR EACH STATEMENT
    EXECUTE FUNCTION call_out_notices();

CREATE TRIGGER account_notices_updated
    AFTER UPDATE ON account_notices
    REFERENCING NEW TABLE AS told
    FOR EACH STATEMENT
    EXECUTE FUNCTION call_out_notices();
