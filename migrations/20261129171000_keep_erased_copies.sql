-- Which copies of a listing their owner has erased: what was begun with them needs an entitlement as ever.

ALTER TABLE entitlements ADD COLUMN erased_copies UUID[] NOT NULL DEFAULT '{}';
