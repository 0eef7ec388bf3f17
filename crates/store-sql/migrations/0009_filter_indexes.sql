-- Filters of the lists of users and of audit events that select few rows.

-- Users by their last sign-in.
CREATE INDEX last_sign_ins_signed_in_at ON last_sign_ins (signed_in_at, user_id);

-- Users with a second factor: each has a credential of the kind `factor-set`.
CREATE INDEX credentials_kind_user_id ON credentials (kind, user_id, id);

-- Failures.
CREATE INDEX audit_events_outcome ON audit_events (outcome, id);
