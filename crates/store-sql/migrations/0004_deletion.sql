-- A deletion that was requested: when the account is deleted, and when the reminder is due. NULL: none.
ALTER TABLE users ADD COLUMN deletion_at {int};
ALTER TABLE users ADD COLUMN deletion_reminder_at {int};
CREATE INDEX users_deletion_at ON users (deletion_at, id);
CREATE INDEX users_deletion_reminder_at ON users (deletion_reminder_at, id);
