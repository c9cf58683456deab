-- People who operate the installation. `server admin create` makes the first.

ALTER TABLE users ADD COLUMN is_admin BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD CONSTRAINT users_admin_check CHECK (NOT is_admin OR kind = 'member');
