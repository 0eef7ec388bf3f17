-- The invitation of a user: "open" or "accepted", how its link reaches the user, who has sent it last and when, and when it
-- expires. NULL: the user was not invited, and in the last column also: the invitation is accepted.
ALTER TABLE users ADD COLUMN invitation {key};
ALTER TABLE users ADD COLUMN invitation_delivery {key};
ALTER TABLE users ADD COLUMN invited_by {id};
ALTER TABLE users ADD COLUMN invited_at {int};
ALTER TABLE users ADD COLUMN invitation_expires_at {int};
CREATE INDEX users_invitation ON users (invitation, id);
