-- In which epoch strangers used up their guesses at somebody's password (A-06). A node of an older release
-- neither reads nor writes it; a new password of its making begins a new epoch, and so lifts it as well.
ALTER TABLE users ADD COLUMN stopped_epoch {int};
