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

-- What has become of a job so far, the number of its attempts that failed, and why the last of them did. A node of an older
-- release inserts jobs that wait, and does not change these columns.
ALTER TABLE jobs ADD COLUMN status {key} DEFAULT 'waiting';
ALTER TABLE jobs ADD COLUMN failed_attempts {int};
ALTER TABLE jobs ADD COLUMN last_error {text};
UPDATE jobs SET status = 'failing', failed_attempts = attempts WHERE attempts > 0;
UPDATE jobs SET status = 'given-up' WHERE failed_at IS NOT NULL;
CREATE INDEX jobs_status ON jobs (status, id);
