//! A user of another system, half way: what they were there, and the rules by which that becomes a
//! user here. The rules are the same for every system and stand here once.

use doorward_domain::flows::import::{ImportedUser, derived_id};
use doorward_domain::model::{Role, Status, User, Version};
use doorward_domain::values::{Data, EmailAddress, Locale, Name, Secret, UserId, Username};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::notes::Notes;
use super::{Emails, Note, Part, Rejection, Terms, Translated, Translation};

/// What somebody was there, as it was spelled there.
#[derive(Debug)]
pub struct Draft {
    /// The system's name, and the name of what it calls an id.
    pub system: (&'static str, &'static str),
    /// Kept where it is a UUID.
    pub id: String,
    /// Maybe an e-mail address.
    pub username: Option<String>,
    /// Maybe none.
    pub email: Option<String>,
    /// Whether the system says that they read its mail.
    pub is_confirmed: bool,
    /// To be called by.
    pub name: Option<String>,
    /// The hash as `passwords` reads it.
    pub password: Option<Secret<String>>,
    /// Whether they ran the place.
    pub is_admin: bool,
    /// Whether they were switched off.
    pub is_disabled: bool,
    /// Their own JSON.
    pub data: Map<String, Value>,
    /// More about them that only that system has a name for; goes under the system's name.
    pub more: Map<String, Value>,
    /// Their language.
    pub locale: Option<Locale>,
    /// When they signed up.
    pub created_at: Option<Timestamp>,
    /// When they last changed.
    pub updated_at: Option<Timestamp>,
    /// What has no place here.
    pub left_behind: Vec<String>,
}

impl Draft {
    /// Nobody yet.
    pub fn new(system: &'static str, id_name: &'static str, id: String) -> Self {
        Self {
            system: (system, id_name),
            id,
            username: None,
            email: None,
            is_confirmed: false,
            name: None,
            password: None,
            is_admin: false,
            is_disabled: false,
            data: Map::new(),
            more: Map::new(),
            locale: None,
            created_at: None,
            updated_at: None,
            left_behind: Vec::new(),
        }
    }

    /// The user they become here, or why they become none.
    pub fn finish(mut self, terms: &Terms) -> Translation {
        let named = self.username.clone().or_else(|| self.email.clone());
        let named = named.unwrap_or_else(|| self.id.clone());
        self.take_in(terms)
            .map_err(|rejection| rejection.of(Some(&named)))
    }

    fn take_in(&mut self, terms: &Terms) -> Translation {
        let mut notes = Notes::new(terms);
        let id = self.kept_id(&mut notes);
        let email = self.email(&mut notes)?;
        let (username, email) = self.username(email, &mut notes)?;
        let name = self.name.take().filter(|name| !name.trim().is_empty());
        let name = notes.part(Part::Name, name.as_deref(), |name| Name::parse(name.trim()))?;
        let password = self.password(&mut notes);
        let is_confirmed = match terms.emails {
            Emails::AsTold => self.is_confirmed,
            Emails::Confirmed => true,
            Emails::Unconfirmed => false,
        };
        let (email, pending_email) = match is_confirmed {
            true => (email, None),
            false => (None, email),
        };
        let status = self.status(username.as_ref(), pending_email.as_ref(), &mut notes);
        // Who is to confirm has some days from now on, not from when they signed up there.
        let created_at = match status {
            Status::Pending => terms.now,
            _ => self.created_at.unwrap_or(terms.now),
        };
        let updated_at = self.updated_at.unwrap_or(created_at).max(created_at);
        let user = User {
            id,
            username,
            email,
            pending_email,
            name,
            role: self.role(&mut notes),
            status,
            data: self.data(&mut notes)?,
            locale: self.locale.unwrap_or(terms.locale),
            session_epoch: 1,
            email_change: None,
            stopped_epoch: None,
            version: Version::FIRST,
            created_at,
            updated_at,
        };
        self.say_what_stays(&mut notes);
        let user = ImportedUser::new(user, password.map(|hash| (hash, updated_at)))
            .map_err(|refusal| Rejection::refused(&refusal))?;
        Ok(Translated {
            user,
            notes: notes.into_notes(),
        })
    }

    fn kept_id(&mut self, notes: &mut Notes<'_>) -> UserId {
        if let Ok(id) = self.id.to_ascii_lowercase().parse() {
            return id;
        }
        let (system, id_name) = self.system;
        // Never the time of this import: the file may be given again.
        let at = self.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let id = derived_id(system, &self.id, at);
        self.more.insert(id_name.to_owned(), self.id.clone().into());
        notes.add(Note {
            was: Some(self.id.clone()),
            ..Note::new(
                "new-id",
                format!("The id is a new one; data.{system}.{id_name} has the old one."),
            )
        });
        id
    }

    fn email(&mut self, notes: &mut Notes<'_>) -> Result<Option<EmailAddress>, Rejection> {
        let text = self.email.take();
        notes.part(Part::Email, text.as_deref(), EmailAddress::parse)
    }

    /// A user name that is an address is the address, where that is not another.
    fn username(
        &mut self,
        email: Option<EmailAddress>,
        notes: &mut Notes<'_>,
    ) -> Result<(Option<Username>, Option<EmailAddress>), Rejection> {
        let text = self.username.take();
        let as_address = text
            .as_deref()
            .and_then(|text| EmailAddress::parse(text).ok());
        if let Some(address) = as_address
            && email
                .as_ref()
                .is_none_or(|email| email.key() == address.key())
        {
            let detail = "The user name is an e-mail address, and is no user name any more.";
            notes.add(Note::new("username-became-email", detail));
            return Ok((None, Some(email.unwrap_or(address))));
        }
        let username = notes.part(Part::Username, text.as_deref(), Username::parse)?;
        Ok((username, email))
    }

    fn password(&mut self, notes: &mut Notes<'_>) -> Option<Secret<String>> {
        if self.password.is_none() {
            let detail = "There is no password; a new one is had by the recovery mail.";
            notes.add(Note::new("no-password", detail));
        }
        notes.password(self.password.take())
    }

    fn status(
        &self,
        username: Option<&Username>,
        pending_email: Option<&EmailAddress>,
        notes: &mut Notes<'_>,
    ) -> Status {
        if self.is_disabled {
            return Status::Disabled;
        }
        match (username, pending_email) {
            (None, Some(_)) => {
                let detail = "The address is to be confirmed before anybody can sign in; unconfirmed, the account goes away as a sign-up does.";
                notes.add(Note::new("waits-for-confirmation", detail));
                Status::Pending
            }
            (Some(_), Some(_)) => {
                let detail = "The address is not confirmed; signing in is by user name.";
                notes.add(Note::new("email-unconfirmed", detail));
                Status::Active
            }
            _ => Status::Active,
        }
    }

    fn role(&self, notes: &mut Notes<'_>) -> Role {
        match (self.is_admin, notes.terms.admins) {
            (true, true) => Role::Admin,
            (true, false) => {
                let detail = "An admin there is a user here; --admins makes them one, or `doorward user role`.";
                notes.add(Note::new("admin-not-given", detail));
                Role::User
            }
            (false, _) => Role::User,
        }
    }

    fn data(&mut self, notes: &mut Notes<'_>) -> Result<Data, Rejection> {
        let mut data = std::mem::take(&mut self.data);
        let more = std::mem::take(&mut self.more);
        let system = self.system.0;
        if !more.is_empty() {
            match data.contains_key(system) {
                true => self
                    .left_behind
                    .extend(more.into_iter().map(|(name, _)| name)),
                false => _ = data.insert(system.to_owned(), more.into()),
            }
        }
        let value = Some(Value::Object(data));
        let parsed = notes.part(Part::Data, value, Data::parse)?;
        Ok(parsed.unwrap_or_default())
    }

    fn say_what_stays(&mut self, notes: &mut Notes<'_>) {
        let names = std::mem::take(&mut self.left_behind);
        if !names.is_empty() {
            let detail = format!("These have no place here: {}.", names.join(", "));
            notes.add(Note::new("not-moved", detail));
        }
    }
}
