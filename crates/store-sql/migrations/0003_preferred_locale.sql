-- The language that a user has chosen, a tag of BCP 47. NULL: none, and users.locale has the language of the sign-up.
ALTER TABLE users ADD COLUMN preferred_locale {key};
