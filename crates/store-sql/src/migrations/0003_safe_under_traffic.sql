-- The audit log is sealed by the worker, soon after: see audit_seals.rs. Whoever writes an event knows
-- nothing of it, so these columns are NULL at first, and in the rows of a node of an older release.
ALTER TABLE audit_events ADD COLUMN actor_id {id};
ALTER TABLE audit_events ADD COLUMN seal {int};
ALTER TABLE audit_events ADD COLUMN personal_digest {digest};
ALTER TABLE audit_events ADD COLUMN personal_salt {digest};
CREATE INDEX audit_events_seal_id ON audit_events (seal, id);
CREATE INDEX audit_events_actor_id_id ON audit_events (actor_id, id);
-- What one user did of one kind is asked at every sign-in (A-10): SQLite would go by the kind alone.
CREATE INDEX audit_events_user_id_event_id ON audit_events (user_id, event, id);

CREATE TABLE audit_seals (
  position {int} NOT NULL,
  previous {digest} NOT NULL,
  digest {digest} NOT NULL,
  events {digest} NOT NULL,
  leaves {blob},
  first_id {id} NOT NULL,
  last_id {id} NOT NULL,
  counted {int} NOT NULL,
  sealed_at {int} NOT NULL,
  signature {blob} NOT NULL,
  let_go_at {int},
  let_go_signature {blob},
  CONSTRAINT audit_seals_pkey PRIMARY KEY (position)
){table};

-- Whose addresses were erased from the log, or are to be: the account is gone.
CREATE TABLE audit_erasures (
  user_id {id} NOT NULL,
  ordered_at {int} NOT NULL,
  signature {blob} NOT NULL,
  done_at {int},
  CONSTRAINT audit_erasures_pkey PRIMARY KEY (user_id)
){table};
CREATE INDEX audit_erasures_done_at ON audit_erasures (done_at);

-- In which epoch strangers used up their guesses at somebody's password (A-06). A node of an older release
-- neither reads nor writes it; a new password of its making begins a new epoch, and so lifts it as well.
ALTER TABLE users ADD COLUMN stopped_epoch {int};
