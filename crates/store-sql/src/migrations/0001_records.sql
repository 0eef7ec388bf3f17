-- The whole schema. dialect.rs replaces a name in braces with the database's own type. An index is named
-- table_column[_column]: which_unique in dialect.rs reads that name.
-- There are no foreign keys: apply.rs deletes the rows that belong to a user, the same on every store.
-- users.void_undo_links: ranges of times, as JSON; undo links of address changes that were requested in one are void (R-11).
-- users.locked_out_epoch: the session epoch in which unknown clients used up their password attempts (A-06).
CREATE TABLE users (
  id {id} NOT NULL,
  username {text},
  username_key {key},
  email {text},
  email_key {key},
  pending_email {text},
  pending_email_key {key},
  pending_email_at {int},
  pending_email_by {key},
  name {text},
  role {key} NOT NULL,
  status {key} NOT NULL,
  data {text} NOT NULL,
  locale {key} NOT NULL,
  session_epoch {int} NOT NULL,
  locked_out_epoch {int},
  void_undo_links {text} NOT NULL,
  version {int} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  search {text} NOT NULL,
  CONSTRAINT users_pkey PRIMARY KEY (id)
){table};
CREATE UNIQUE INDEX users_username_key ON users (username_key);
CREATE UNIQUE INDEX users_email_key ON users (email_key);
CREATE INDEX users_pending_email_key ON users (pending_email_key);
CREATE INDEX users_pending_email_at ON users (pending_email_at);
CREATE INDEX users_role_status ON users (role, status);

-- The hash is compared, so it is a key: MySQL's text type treats 'a' and 'a ' as equal.
CREATE TABLE credentials (
  user_id {id} NOT NULL,
  password_hash {key} NOT NULL,
  updated_at {int} NOT NULL,
  CONSTRAINT credentials_pkey PRIMARY KEY (user_id)
){table};

CREATE TABLE sessions (
  id {id} NOT NULL,
  digest {digest} NOT NULL,
  user_id {id} NOT NULL,
  epoch {int} NOT NULL,
  generation {int} NOT NULL,
  renewed_at {int} NOT NULL,
  created_at {int} NOT NULL,
  last_seen_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  address {text},
  user_agent {text},
  CONSTRAINT sessions_pkey PRIMARY KEY (id)
){table};
CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE links (
  id {id} NOT NULL,
  digest {digest} NOT NULL,
  user_id {id} NOT NULL,
  purpose {key} NOT NULL,
  email {text} NOT NULL,
  epoch {int} NOT NULL,
  requested_at {int} NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  used_at {int},
  CONSTRAINT links_pkey PRIMARY KEY (id)
){table};
CREATE UNIQUE INDEX links_digest ON links (digest);
CREATE INDEX links_user_id ON links (user_id);
CREATE INDEX links_expires_at ON links (expires_at);

-- `due_at` is NULL once a job failed. `lookup` finds jobs that have no user.
CREATE TABLE jobs (
  id {id} NOT NULL,
  kind {key} NOT NULL,
  user_id {id},
  lookup {key},
  payload {text} NOT NULL,
  created_at {int} NOT NULL,
  attempts {int} NOT NULL,
  due_at {int},
  failed_at {int},
  CONSTRAINT jobs_pkey PRIMARY KEY (id)
){table};
CREATE INDEX jobs_due_at ON jobs (due_at);
CREATE INDEX jobs_user_id ON jobs (user_id);
CREATE INDEX jobs_lookup ON jobs (lookup);
CREATE INDEX jobs_failed_at ON jobs (failed_at);
CREATE INDEX jobs_created_at ON jobs (created_at);

-- `position` orders the keys independently of the nodes' clocks. Of two nodes that create the next key, one fails.
CREATE TABLE signing_keys (
  kid {key} NOT NULL,
  position {int} NOT NULL,
  public_half {blob} NOT NULL,
  sealed {blob} NOT NULL,
  created_at {int} NOT NULL,
  retired_at {int},
  CONSTRAINT signing_keys_pkey PRIMARY KEY (kid)
){table};
CREATE UNIQUE INDEX signing_keys_position ON signing_keys (position);

-- The columns position and hash are NULL until the worker seals the event.
CREATE TABLE audit_events (
  id {id} NOT NULL,
  occurred_at {int} NOT NULL,
  event {key} NOT NULL,
  outcome {key} NOT NULL,
  actor {text} NOT NULL,
  actor_id {id},
  user_id {id},
  address {text},
  user_agent {text},
  request_id {text} NOT NULL,
  detail {text},
  position {int},
  hash {digest},
  CONSTRAINT audit_events_pkey PRIMARY KEY (id)
){table};
CREATE INDEX audit_events_user_id_id ON audit_events (user_id, id);
CREATE INDEX audit_events_actor_id_id ON audit_events (actor_id, id);
CREATE INDEX audit_events_event_id ON audit_events (event, id);
-- Sign-in reads one kind of event of one user (A-10). SQLite would use the index of the kind alone.
CREATE INDEX audit_events_user_id_event_id ON audit_events (user_id, event, id);
CREATE INDEX audit_events_position_id ON audit_events (position, id);

-- Signed statements of the chain's hash, see audit_chain.rs. `previous` is the primary key, so that of
-- two nodes that seal at the same time one fails.
CREATE TABLE audit_checkpoints (
  previous {int} NOT NULL,
  position {int} NOT NULL,
  hash {digest} NOT NULL,
  created_at {int} NOT NULL,
  pruned_at {int},
  key_id {key} NOT NULL,
  signature {blob} NOT NULL,
  CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (previous)
){table};
CREATE INDEX audit_checkpoints_position ON audit_checkpoints (position);
CREATE INDEX audit_checkpoints_key_id_created_at ON audit_checkpoints (key_id, created_at);

-- If sessions are in another store, which may be restored from a snapshot, this table remembers each session
-- that ended until it would have expired.
CREATE TABLE ended_sessions (
  id {id} NOT NULL,
  user_id {id} NOT NULL,
  ends_at {int} NOT NULL,
  CONSTRAINT ended_sessions_pkey PRIMARY KEY (id)
){table};
CREATE INDEX ended_sessions_user_id ON ended_sessions (user_id);
CREATE INDEX ended_sessions_ends_at ON ended_sessions (ends_at);

-- A row is a lock that a transaction holds until its end, on every database: see apply.rs.
CREATE TABLE guards (
  name {key} NOT NULL,
  counter {int} NOT NULL,
  CONSTRAINT guards_pkey PRIMARY KEY (name)
){table};
INSERT INTO guards (name, counter) VALUES ('admins', 0);
-- Readiness checks write this row to find out whether the database accepts writes: see store.rs.
INSERT INTO guards (name, counter) VALUES ('ping', 0);
