-- What a webhook is told of an end is that end, however the session went on since: what changes of it is
-- kept with the message.

ALTER TABLE webhook_deliveries ADD COLUMN ended JSONB;
