-- The whole schema. dialect.rs replaces a name in braces with the database's own type. The tables are those that the
-- records declare in crates/domain/src/model; tests/schema.rs compares the two. An index is named table_column[_column]:
-- which_unique in dialect.rs reads that name. There are no foreign keys: the domain deletes the rows that belong to a
-- user, the same on every store.
-- users.void_undo_links: ranges of times, as JSON; undo links of address changes that were requested in one are void (R-11).
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
  security_epoch {int} NOT NULL,
  void_undo_links {text} NOT NULL,
  version {int} NOT NULL,
  created_at {int} NOT NULL,
  updated_at {int} NOT NULL,
  CONSTRAINT users_pkey PRIMARY KEY (id)
){table};
CREATE UNIQUE INDEX users_username_key ON users (username_key);
CREATE UNIQUE INDEX users_email_key ON users (email_key);
CREATE INDEX users_pending_email_key ON users (pending_email_key, id);
CREATE INDEX users_pending_email_at ON users (pending_email_at, id);
CREATE INDEX users_status ON users (status, id);
CREATE INDEX users_role ON users (role, id);

-- The key is the word, a space and the id of the user: a search reads a range of keys.
CREATE TABLE search_words (
  id {key} NOT NULL,
  user_id {id} NOT NULL,
  CONSTRAINT search_words_pkey PRIMARY KEY (id)
){table};
CREATE INDEX search_words_user_id ON search_words (user_id, id);

-- One row lists the active admins: see roster.rs.
CREATE TABLE rosters (
  roster {key} NOT NULL,
  members {text} NOT NULL,
  version {int} NOT NULL,
  CONSTRAINT rosters_pkey PRIMARY KEY (roster)
){table};

CREATE TABLE deleted_users (
  id {id} NOT NULL,
  deleted_at {int} NOT NULL,
  CONSTRAINT deleted_users_pkey PRIMARY KEY (id)
){table};

-- The hash is compared, so it is a key: MySQL's text type treats 'a' and 'a ' as equal.
CREATE TABLE credentials (
  id {id} NOT NULL,
  user_id {id} NOT NULL,
  kind {key} NOT NULL,
  lookup {digest},
  data {key} NOT NULL,
  updated_at {int} NOT NULL,
  CONSTRAINT credentials_pkey PRIMARY KEY (id)
){table};
CREATE UNIQUE INDEX credentials_lookup ON credentials (lookup);
CREATE INDEX credentials_user_id ON credentials (user_id, id);

CREATE TABLE lockouts (
  user_id {id} NOT NULL,
  epoch {int} NOT NULL,
  CONSTRAINT lockouts_pkey PRIMARY KEY (user_id)
){table};

CREATE TABLE devices (
  id {id} NOT NULL,
  user_id {id} NOT NULL,
  program {text},
  network {text},
  last_used_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  CONSTRAINT devices_pkey PRIMARY KEY (id)
){table};
CREATE INDEX devices_user_id ON devices (user_id, id);
CREATE INDEX devices_expires_at ON devices (expires_at, id);

CREATE TABLE sessions (
  id {id} NOT NULL,
  digest {digest} NOT NULL,
  user_id {id} NOT NULL,
  epoch {int} NOT NULL,
  generation {int} NOT NULL,
  renewed_at {int} NOT NULL,
  created_at {int} NOT NULL,
  auth_time {int} NOT NULL,
  amr {text} NOT NULL,
  last_seen_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  address {text},
  user_agent {text},
  CONSTRAINT sessions_pkey PRIMARY KEY (id)
){table};
CREATE UNIQUE INDEX sessions_digest ON sessions (digest);
CREATE INDEX sessions_user_id ON sessions (user_id, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at, id);

CREATE TABLE links (
  id {id} NOT NULL,
  digest {digest} NOT NULL,
  user_id {id} NOT NULL,
  purpose {key} NOT NULL,
  data {text} NOT NULL,
  created_at {int} NOT NULL,
  expires_at {int} NOT NULL,
  used_at {int},
  CONSTRAINT links_pkey PRIMARY KEY (id)
){table};
CREATE UNIQUE INDEX links_digest ON links (digest);
CREATE INDEX links_user_id ON links (user_id, id);
CREATE INDEX links_expires_at ON links (expires_at, id);

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
CREATE INDEX jobs_due_at ON jobs (due_at, id);
CREATE INDEX jobs_user_id ON jobs (user_id, id);
CREATE INDEX jobs_lookup ON jobs (lookup, id);
CREATE INDEX jobs_failed_at ON jobs (failed_at, id);
CREATE INDEX jobs_failed_at_created_at ON jobs (failed_at, created_at, id);

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
CREATE INDEX audit_events_user_id ON audit_events (user_id, id);
CREATE INDEX audit_events_actor_id ON audit_events (actor_id, id);
CREATE INDEX audit_events_event ON audit_events (event, id);
CREATE INDEX audit_events_position ON audit_events (position, id);

-- Signed statements of the chain's hash. `previous` is the primary key, so that of two nodes that seal at the same time
-- one fails.
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
CREATE INDEX audit_checkpoints_position ON audit_checkpoints (position, previous);
CREATE INDEX audit_checkpoints_key_id_created_at ON audit_checkpoints (key_id, created_at, previous);

-- If sessions are in another store, which may be restored from a snapshot, this table remembers each session
-- that ended until it would have expired.
CREATE TABLE ended_sessions (
  id {id} NOT NULL,
  user_id {id} NOT NULL,
  ends_at {int} NOT NULL,
  CONSTRAINT ended_sessions_pkey PRIMARY KEY (id)
){table};
CREATE INDEX ended_sessions_user_id ON ended_sessions (user_id, id);
CREATE INDEX ended_sessions_ends_at ON ended_sessions (ends_at, id);

-- Readiness checks write this row to find out whether the database accepts writes: see store.rs.
CREATE TABLE pings (
  id {int} NOT NULL,
  counter {int} NOT NULL,
  CONSTRAINT pings_pkey PRIMARY KEY (id)
){table};
INSERT INTO pings (id, counter) VALUES (1, 0);
