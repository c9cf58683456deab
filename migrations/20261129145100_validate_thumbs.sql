-- Every thumb points up or down, in the sessions of before too.

ALTER TABLE sessions VALIDATE CONSTRAINT sessions_thumb_check;
