-- Lists of the users who signed up in a time.
CREATE INDEX users_created_at ON users (created_at, id);
