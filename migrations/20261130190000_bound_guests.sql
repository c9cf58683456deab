-- Guests are free to make: what they use is bounded by the network that they come from, too.

-- What stands for that network; nothing for members, and where it is not known.
ALTER TABLE users ADD COLUMN guest_origin TEXT;

-- What all guests of a network have used on a day of UTC, with what their calls under way may use at most.
CREATE TABLE guest_use (
    origin    TEXT   NOT NULL,
    day       DATE   NOT NULL,
    tokens    BIGINT NOT NULL,
    micro_usd BIGINT NOT NULL,
    CONSTRAINT guest_use_pkey PRIMARY KEY (day, origin)
);
