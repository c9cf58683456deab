-- For which purchases whose money was given back the sessions that they paid for are forgotten: they count
-- against no later purchase.

ALTER TABLE entitlements ADD COLUMN settled_refunds UUID[] NOT NULL DEFAULT '{}';
