-- Whoever looks at alerts sees at once, in whichever process, that one fires, is over, was decided about or
-- told: a change of them or of their messages is called out when its transaction commits, once for all of it. A look
-- after which all stands as before is none: what it measured is shown with its time.

CREATE FUNCTION call_out_alerts() RETURNS TRIGGER
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM pg_notify('resonant_alerts', '');
    RETURN NULL;
END
$$;

-- By row: a statement that finds none, as each look for messages that are due, calls nothing out.
CREATE TRIGGER alerts_came_or_went
    AFTER INSERT OR DELETE ON alerts
    FOR EACH ROW
    EXECUTE FUNCTION call_out_alerts();

CREATE TRIGGER alerts_changed
    AFTER UPDATE ON alerts
    FOR EACH ROW
    WHEN ((OLD.revision, OLD.state, OLD.since, OLD.acknowledged_at, OLD.silenced_until, OLD.evaluated_at IS NULL)
          IS DISTINCT FROM
          (NEW.revision, NEW.state, NEW.since, NEW.acknowledged_at, NEW.silenced_until, NEW.evaluated_at IS NULL))
    EXECUTE FUNCTION call_out_alerts();

CREATE TRIGGER alert_deliveries_changed
    AFTER INSERT OR UPDATE ON alert_deliveries
    FOR EACH ROW
    EXECUTE FUNCTION call_out_alerts();
