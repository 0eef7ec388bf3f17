-- When each user last signed in. A user without a row has not signed in since this migration.
CREATE TABLE last_sign_ins (
  user_id {id} NOT NULL,
  signed_in_at {int} NOT NULL,
  CONSTRAINT last_sign_ins_pkey PRIMARY KEY (user_id)
){table};
