-- The servers that run, or ran a short time ago. Each writes its record once a minute.
CREATE TABLE nodes (
  id {key} NOT NULL,
  name {key} NOT NULL,
  version {key} NOT NULL,
  started_at {int} NOT NULL,
  seen_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  CONSTRAINT nodes_pkey PRIMARY KEY (id)
){table};
CREATE INDEX nodes_expires_at ON nodes (expires_at, id);
