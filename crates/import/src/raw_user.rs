//! A user of another system before conversion, and the rules of the conversion, which are the same for all
//! systems.

use doorward_domain::factors::ExportedFactors;
use doorward_domain::model::{PendingEmail, RequestedBy, Status, User, Version, VoidUndoLinks};
use doorward_domain::transfer::{ImportedUser, derive_id};
use doorward_domain::values::{Data, EmailAddress, Locale, Name, Role, Secret, UserId, Username};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::notes::Notes;
use crate::options::{EmailStatus, ImportOptions, UserField};
use crate::translation::{Conversion, ConvertedUser, ImportNote, Rejection};

/// A user of another system, as that system writes it.
#[derive(Debug)]
pub struct RawUser {
    /// Name of the system, and of its id field.
    pub system: (&'static str, &'static str),
    /// Id; stays the same if it is a UUID.
    pub id: String,
    /// Username; may be an email address.
    pub username: Option<String>,
    /// Email address; may be invalid.
    pub email: Option<String>,
    /// `true` if the system has confirmed the address.
    pub is_confirmed: bool,
    /// Display name.
    pub name: Option<String>,
    /// Password hash, in a format that `passwords` reads.
    pub password: Option<Secret<String>>,
    /// Second factors.
    pub factors: ExportedFactors,
    /// `true` if the user is an admin.
    pub is_admin: bool,
    /// `true` if the account is disabled.
    pub is_disabled: bool,
    /// The user's own JSON.
    pub data: Map<String, Value>,
    /// Fields that only this system has; stored in `data` under the name of the system.
    pub more: Map<String, Value>,
    /// Language.
    pub locale: Option<Locale>,
    /// Time of the sign-up.
    pub created_at: Option<Timestamp>,
    /// Time of the last change.
    pub updated_at: Option<Timestamp>,
    /// Names of fields that are not imported.
    pub not_imported: Vec<String>,
}

/// A pending address, which expires like that of a sign-up.
pub(super) fn pending(address: EmailAddress, options: &ImportOptions) -> PendingEmail {
    PendingEmail {
        address,
        requested_at: options.now,
        requested_by: RequestedBy::User,
    }
}

impl RawUser {
    /// A user with only an id.
    pub fn new(system: &'static str, id_name: &'static str, id: String) -> Self {
        Self {
            system: (system, id_name),
            id,
            username: None,
            email: None,
            is_confirmed: false,
            name: None,
            password: None,
            factors: ExportedFactors::default(),
            is_admin: false,
            is_disabled: false,
            data: Map::new(),
            more: Map::new(),
            locale: None,
            created_at: None,
            updated_at: None,
            not_imported: Vec::new(),
        }
    }

    /// Converts it, or returns why it is rejected.
    pub fn finish(mut self, options: &ImportOptions) -> Conversion {
        let identifier = self.username.clone().or_else(|| self.email.clone());
        let identifier = identifier.unwrap_or_else(|| self.id.clone());
        self.convert(options)
            .map_err(|rejection| rejection.with_identifier(Some(&identifier)))
    }

    fn convert(&mut self, options: &ImportOptions) -> Conversion {
        let mut notes = Notes::new(options);
        let id = self.id_or_new(&mut notes);
        let email = self.email(&mut notes)?;
        let (username, email) = self.username(email, &mut notes)?;
        let name = self.name.take().filter(|name| !Name::is_blank(name));
        let name = notes.field(UserField::Name, name.as_deref(), |name| {
            Name::parse(name.trim())
        })?;
        let password = self.password(&mut notes);
        let is_confirmed = match options.email_status {
            EmailStatus::Keep => self.is_confirmed,
            EmailStatus::Confirmed => true,
            EmailStatus::Unconfirmed => false,
        };
        let (email, pending_email) = match is_confirmed {
            true => (email, None),
            false => (None, email),
        };
        let status = self.status(username.as_ref(), pending_email.as_ref(), &mut notes);
        // The time to confirm an address begins with the import.
        let created_at = match status {
            Status::Pending => options.now,
            _ => self.created_at.unwrap_or(options.now),
        };
        let updated_at = self.updated_at.unwrap_or(created_at).max(created_at);
        let user = User {
            id,
            username,
            email,
            pending_email: pending_email.map(|address| pending(address, options)),
            name,
            role: self.role(&mut notes),
            status,
            data: self.data(&mut notes)?,
            locale: self.locale.unwrap_or(options.default_locale),
            preferred_locale: None,
            security_epoch: 1,
            void_undo_links: VoidUndoLinks::default(),
            deletion: None,
            invitation: None,
            version: Version::FIRST,
            created_at,
            updated_at,
        };
        self.note_not_imported(&mut notes);
        let user = ImportedUser::new(user, password.map(|hash| (hash, updated_at)))
            .and_then(|user| user.with_factors(std::mem::take(&mut self.factors)))
            .map_err(|refusal| Rejection::refused(&refusal))?;
        Ok(ConvertedUser {
            user,
            notes: notes.into_notes(),
        })
    }

    fn id_or_new(&mut self, notes: &mut Notes<'_>) -> UserId {
        if let Ok(id) = self.id.to_ascii_lowercase().parse() {
            return id;
        }
        let (system, id_name) = self.system;
        // Not the time of this import, so that importing the file again gives the same id.
        let at = self.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let id = derive_id(system, &self.id, at);
        self.more.insert(id_name.to_owned(), self.id.clone().into());
        notes.add(ImportNote {
            original: Some(self.id.clone()),
            ..ImportNote::new(
                "new-id",
                format!("The id was replaced; data.{system}.{id_name} contains the original."),
            )
        });
        id
    }

    fn email(&mut self, notes: &mut Notes<'_>) -> Result<Option<EmailAddress>, Rejection> {
        let text = self.email.take();
        notes.field(UserField::Email, text.as_deref(), EmailAddress::parse)
    }

    /// A username that is an email address becomes the address, unless the user has another one.
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
            let detail = "The username is an email address and was imported as that.";
            notes.add(ImportNote::new("username-used-as-email", detail));
            return Ok((None, Some(email.unwrap_or(address))));
        }
        let username = notes.field(UserField::Username, text.as_deref(), Username::parse)?;
        Ok((username, email))
    }

    fn password(&mut self, notes: &mut Notes<'_>) -> Option<Secret<String>> {
        if self.password.is_none() {
            let detail = "The user has no password and has to reset it by email.";
            notes.add(ImportNote::new("no-password", detail));
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
                let detail = "The user cannot sign in before confirming the address. An unconfirmed account is deleted like an unconfirmed sign-up.";
                notes.add(ImportNote::new("confirmation-pending", detail));
                Status::Pending
            }
            (Some(_), Some(_)) => {
                let detail = "The address is not confirmed; the user signs in with the username.";
                notes.add(ImportNote::new("email-unconfirmed", detail));
                Status::Active
            }
            _ => Status::Active,
        }
    }

    fn role(&self, notes: &mut Notes<'_>) -> Role {
        match (self.is_admin, notes.options.keep_admins) {
            (true, true) => Role::Admin,
            (true, false) => {
                let detail = "The admin was imported as a user. Pass --keep-admins, or run `doorward user set-role`.";
                notes.add(ImportNote::new("admin-not-kept", detail));
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
                    .not_imported
                    .extend(more.into_iter().map(|(name, _)| name)),
                false => _ = data.insert(system.to_owned(), more.into()),
            }
        }
        let value = Some(Value::Object(data));
        let parsed = notes.field(UserField::Data, value, Data::parse)?;
        Ok(parsed.unwrap_or_default())
    }

    fn note_not_imported(&mut self, notes: &mut Notes<'_>) {
        let names = std::mem::take(&mut self.not_imported);
        if !names.is_empty() {
            let detail = format!("Not imported: {}.", names.join(", "));
            notes.add(ImportNote::new("field-not-imported", detail));
        }
    }
}
