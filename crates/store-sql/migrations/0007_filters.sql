-- What the lists of the console show.

-- Lists of the users who signed up in a time.
CREATE INDEX users_created_at ON users (created_at, id);

-- The last verification of the audit log: one row. `finding` is NULL if no change was found.
CREATE TABLE audit_verifications (
  id {key} NOT NULL,
  verified_at {int} NOT NULL,
  events {int} NOT NULL,
  finding {text},
  CONSTRAINT audit_verifications_pkey PRIMARY KEY (id)
){table};
