-- Where sessions live outside the database, in a store that may come back from a snapshot, each that
-- was ended is noted here until it could not live any longer.
CREATE TABLE ended_sessions (
  id {id} NOT NULL,
  user_id {id} NOT NULL,
  ends_at {int} NOT NULL,
  CONSTRAINT ended_sessions_pkey PRIMARY KEY (id)
){table};
CREATE INDEX ended_sessions_user_id ON ended_sessions (user_id);
CREATE INDEX ended_sessions_ends_at ON ended_sessions (ends_at);

-- What is written to see whether a write is taken: see store.rs. No guard of anything.
INSERT INTO guards (name, counter) VALUES ('ping', 0);
