-- What the console shows.

-- How many events of a kind a node has counted in an hour or a day. The key has the unit, the time, the kind and the node:
-- a list reads a range of keys.
CREATE TABLE totals (
  id {key} NOT NULL,
  unit {key} NOT NULL,
  starts_at {int} NOT NULL,
  kind {key} NOT NULL,
  node {key} NOT NULL,
  amount {int} NOT NULL,
  expires_at {int} NOT NULL,
  CONSTRAINT totals_pkey PRIMARY KEY (id)
){table};
CREATE INDEX totals_expires_at ON totals (expires_at, id);
