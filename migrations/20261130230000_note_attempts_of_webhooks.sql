-- What became of a message to a webhook is kept for a while after it was sent last: when that was.

ALTER TABLE webhook_deliveries ADD COLUMN attempted_at TIMESTAMPTZ;
