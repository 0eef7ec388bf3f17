//! Secrets are void with what they are bound to, on every store: each event against each secret (R-06, R-16, S-06).
//!
//! No rule deletes a secret to void it, so this depends only on what the store returns for the user and the secret.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use doorward_domain::access::Action;
use doorward_domain::ctx::{Client, session_actor};
use doorward_domain::factors::{FactorCode, FactorName};
use doorward_domain::keys::{Keyring, MasterKey};
use doorward_domain::limits::MemoryRateLimits;
use doorward_domain::memory::{SeededRandom, SteppedClock};
use doorward_domain::metric_event::NoMetrics;
use doorward_domain::model::MailKind;
use doorward_domain::outbox::{Mail, MailError, MailText, Mailer};
use doorward_domain::passwords::hashing::{Cost, Engine, Hasher, HasherSettings, Peppers};
use doorward_domain::sign_in::{Identifier, Outcome, Proof};
use doorward_domain::sign_up::NewSignUp;
use doorward_domain::store::Store;
use doorward_domain::values::{
    Data, EmailAddress, NewPassword, Password, Role, Secret, Token, Username,
};
use doorward_domain::{Actor, Ctx, Doorward, Error, Policy, Ports};

use crate::fixtures::{self, now};

const PASSWORD: &str = "plum cake on sundays";
const NEW_PASSWORD: &str = "two boats and a lamp";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Session,
    RecoveryLink,
    /// The link that confirms the new address of a requested change.
    ChangeLink,
    /// The link by which the old address undoes that change.
    UndoLink,
    /// The link that undoes the first second factor.
    FactorLink,
    /// A sign-in that waits for the second factor.
    Challenge,
}

use Kind::{Challenge, ChangeLink, FactorLink, RecoveryLink, Session, UndoLink};

const ALL: [Kind; 6] = [
    Session,
    RecoveryLink,
    ChangeLink,
    UndoLink,
    FactorLink,
    Challenge,
];

/// Events, and the secrets that each leaves valid.
const EVENTS: [(&str, &[Kind]); 17] = [
    ("nothing", &ALL),
    ("a role change", &ALL),
    (
        "a new recovery link",
        &[Session, ChangeLink, UndoLink, FactorLink, Challenge],
    ),
    (
        "another address change",
        &[Session, RecoveryLink, UndoLink, FactorLink, Challenge],
    ),
    // A thief can do these: the owner's undo links stay. A used confirmation link reports success again.
    (
        "the address change confirmed",
        &[ChangeLink, UndoLink, FactorLink],
    ),
    ("a password change", &[ChangeLink, UndoLink, FactorLink]),
    ("a recovery", &[UndoLink, FactorLink]),
    ("a password set by the operator", &[UndoLink, FactorLink]),
    ("all sessions revoked", &[ChangeLink, UndoLink, FactorLink]),
    (
        "the second factor removed",
        &[ChangeLink, UndoLink, FactorLink],
    ),
    // The factor was added after the change.
    ("the address change undone", &[]),
    ("the first factor undone", &[UndoLink]),
    // The old address may be why an admin changes it.
    ("the address changed by an admin", &[]),
    ("disabled", &[]),
    ("disabled and enabled", &[]),
    ("deleted", &[]),
    ("deleted and signed up again", &[]),
];

/// The rules on the store under test.
struct Server {
    doorward: Doorward,
    mailer: Arc<Collected>,
}

/// Collects the mails that are sent.
#[derive(Default)]
struct Collected(Mutex<Vec<Mail>>);

#[async_trait]
impl Mailer for Collected {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(())
    }

    fn preview(&self, mail: &Mail) -> Result<MailText, MailError> {
        Ok(MailText {
            subject: mail.kind.as_str().to_owned(),
            text: mail.url.clone(),
        })
    }
}

/// A user, with a secret of each kind.
struct Owner {
    name: String,
    session: Secret<String>,
    /// Another session, in which the events happen.
    other_session: Secret<String>,
    challenge: Token,
    recovery_code: FactorCode,
    recovery: Token,
    change: Token,
    undo: Token,
    factor_undo: Token,
}

/// Every event is tried against every secret, each with a user of their own.
pub async fn each_event_voids_exactly_its_secrets(store: Arc<dyn Store>) {
    let server = Server::on(store).await;
    for (event, spared) in EVENTS {
        for kind in ALL {
            let owner = server.owner().await;
            server.happen(event, &owner).await;
            let used = server.use_secret(kind, &owner).await;
            let expected = spared.contains(&kind);
            assert_eq!(used.is_ok(), expected, "{event}: {kind:?}: {used:?}");
            let is_void = |error: &Error| {
                matches!(
                    error,
                    Error::LinkExpired | Error::InvalidToken | Error::ChallengeExpired
                )
            };
            assert!(
                used.is_ok() || used.as_ref().is_err_and(is_void),
                "{event}: {used:?}"
            );
        }
    }
}

impl Server {
    async fn on(store: Arc<dyn Store>) -> Self {
        let random = Arc::new(SeededRandom::new(fixtures::unique()));
        let settings = HasherSettings {
            cost: Cost {
                memory_kib: 8,
                passes: 1,
                lanes: 1,
            },
            engine: Engine::Fast,
            threads: 1,
            queue_limit: 64,
        };
        let mailer = Arc::new(Collected::default());
        let ports = Ports {
            store,
            sessions: None,
            rate_limits: Arc::new(MemoryRateLimits::new(100)),
            mailer: mailer.clone(),
            clock: Arc::new(SteppedClock::new(now())),
            random: random.clone(),
            recorder: Arc::new(NoMetrics),
        };
        let mut policy = Policy::new("https://accounts.example/");
        policy.throttle = false;
        let master = MasterKey::from_secret(Secret::new(vec![7; 32])).unwrap();
        let hasher = Hasher::start(&settings, random, Peppers::default()).unwrap();
        let doorward = Doorward::new(ports, policy, hasher, Keyring::new(master));
        let server = Self { doorward, mailer };
        let keys = &server.doorward.keys;
        keys.ensure(&server.ctx(Actor::Worker)).await.unwrap();
        server
    }

    fn ctx(&self, actor: Actor) -> Ctx {
        Ctx {
            actor,
            client: Client::default(),
            request_id: "request".to_owned(),
            now: now(),
        }
    }

    fn anonymous(&self) -> Ctx {
        self.ctx(Actor::Anonymous)
    }

    /// Signs a user up, and confirms the address.
    async fn sign_up(&self, name: &str) {
        let (doorward, anonymous) = (&self.doorward, self.anonymous());
        let rules = &doorward.policy().password_rules;
        let wanted = NewSignUp {
            username: Some(Username::parse(name).unwrap()),
            email: Some(address(name)),
            password: NewPassword::parse(PASSWORD, rules, &[]).unwrap(),
            name: None,
            data: Data::default(),
        };
        doorward.sign_up.start(&anonymous, wanted).await.unwrap();
        let confirmation = self.mailed(MailKind::SignUp).await;
        doorward
            .confirmation
            .confirm(&anonymous, &confirmation)
            .await
            .unwrap();
    }

    async fn owner(&self) -> Owner {
        let name = format!("ben{}", fixtures::unique());
        self.sign_up(&name).await;
        let session = self.sign_in(&name).await;
        let other_session = self.sign_in(&name).await;
        let ctx = self.signed_in(&other_session).await;
        self.request_change(&ctx, &format!("first-{name}")).await;
        let (change, undo) = self
            .mailed_both(MailKind::EmailChange, MailKind::EmailChangeUndo)
            .await;
        let recovery = self.request_recovery(&name).await;
        let recovery_code = self.add_factor(&ctx).await;
        let factor_undo = self.mailed(MailKind::FirstFactorAdded).await;
        let challenge = match self.start_sign_in(&name).await {
            Outcome::NextFactor(next) => Token::parse(next.challenge.expose()).unwrap(),
            Outcome::Session(_) => panic!("the user has a second factor"),
        };
        Owner {
            name,
            session,
            other_session,
            challenge,
            recovery_code,
            recovery,
            change,
            undo,
            factor_undo,
        }
    }

    async fn start_sign_in(&self, name: &str) -> Outcome {
        let identifier = Identifier::Username(Username::parse(name).unwrap());
        let password = Password::parse(PASSWORD).unwrap();
        let (anonymous, sign_in) = (self.anonymous(), &self.doorward.sign_in);
        let started = sign_in.start(&anonymous, &identifier, &password);
        started.await.unwrap()
    }

    async fn sign_in(&self, name: &str) -> Secret<String> {
        match self.start_sign_in(name).await {
            Outcome::Session(signed_in) => signed_in.token,
            Outcome::NextFactor(_) => panic!("the user has no second factor yet"),
        }
    }

    /// The context of a session, as if it had been opened with a second factor.
    async fn signed_in(&self, token: &Secret<String>) -> Ctx {
        let session_check = &self.doorward.session_check;
        let checked = session_check
            .authenticate(&self.anonymous(), token.expose())
            .await
            .unwrap();
        let mut actor = session_actor(checked.user(), checked.session());
        if let Actor::User {
            is_multi_factor, ..
        } = &mut actor
        {
            *is_multi_factor = true;
        }
        self.ctx(actor)
    }

    /// Adds an authenticator, and returns one of the recovery codes.
    async fn add_factor(&self, ctx: &Ctx) -> FactorCode {
        let factor_enrolment = &self.doorward.factor_enrolment;
        let begun = factor_enrolment
            .begin(ctx, "me", &FactorName::default())
            .await;
        let begun = begun.unwrap();
        let app = totp_rs::Totp::from_url(begun.uri.expose()).unwrap();
        let seconds = u64::try_from(ctx.now.as_second()).unwrap();
        let first = FactorCode::parse(&app.generate(seconds).to_string()).unwrap();
        let id = begun.factor.id.to_string();
        let added = factor_enrolment
            .finish(ctx, "me", &id, &first)
            .await
            .unwrap();
        let codes = added.recovery_codes.unwrap();
        FactorCode::parse(codes[0].expose()).unwrap()
    }

    async fn change_address(&self, ctx: &Ctx, named: &str, new: &str, shown: Option<&Proof>) {
        let (doorward, action) = (&self.doorward, Action::ChangeEmail);
        let reauthentication = &doorward.reauthentication;
        let request = reauthentication.reauthenticate(ctx, action, named, shown);
        let request = request.await.unwrap();
        let (service, new) = (&doorward.email_change, address(new));
        let changed = service.change(&request, named, &new, None).await;
        changed.unwrap();
    }

    async fn request_change(&self, ctx: &Ctx, new: &str) {
        let password = Password::parse(PASSWORD).unwrap();
        let shown = Some(password.into());
        self.change_address(ctx, "me", new, shown.as_ref()).await;
    }

    async fn request_recovery(&self, name: &str) -> Token {
        let recovery = &self.doorward.recovery;
        recovery
            .request(&self.anonymous(), &address(name), None)
            .await
            .unwrap();
        self.mailed(MailKind::Recovery).await
    }

    /// Sends all mails, and returns the link of the one of this kind.
    async fn mailed(&self, kind: MailKind) -> Token {
        self.mailed_both(kind, kind).await.0
    }

    async fn mailed_both(&self, first: MailKind, second: MailKind) -> (Token, Token) {
        let worker = self.ctx(Actor::Worker);
        self.doorward.outbox.deliver(&worker, 10).await.unwrap();
        let mails = std::mem::take(&mut *self.mailer.0.lock().unwrap());
        let token = |kind| {
            let mail = mails.iter().find(|mail| mail.kind == kind);
            let url = &mail.expect("the mail is sent").url;
            Token::parse(url.rsplit('/').next().unwrap()).unwrap()
        };
        (token(first), token(second))
    }

    async fn happen(&self, event: &str, owner: &Owner) {
        let (doorward, anonymous) = (&self.doorward, self.anonymous());
        let (operator, name) = (self.ctx(Actor::CommandLine), owner.name.as_str());
        let new = Secret::new(NEW_PASSWORD.to_owned());
        let done = match event {
            "nothing" => Ok(()),
            "a role change" => {
                let admin = &doorward.admin;
                for role in [Role::Admin, Role::User] {
                    // The last admin keeps the role.
                    let changed = admin.change_role(&operator, name, role, None).await;
                    assert!(matches!(changed, Ok(_) | Err(Error::LastAdmin)));
                }
                Ok(())
            }
            "the address changed by an admin" => {
                let new = format!("third-{name}");
                self.change_address(&operator, name, &new, None).await;
                let link = self.mailed(MailKind::EmailChange).await;
                doorward
                    .confirmation
                    .confirm(&anonymous, &link)
                    .await
                    .map(drop)
            }
            "a new recovery link" => {
                self.request_recovery(name).await;
                Ok(())
            }
            "another address change" => {
                let ctx = self.signed_in(&owner.other_session).await;
                self.request_change(&ctx, &format!("second-{name}")).await;
                Ok(())
            }
            "the address change confirmed" => {
                let confirmed = doorward
                    .confirmation
                    .confirm(&anonymous, &owner.change)
                    .await;
                confirmed.map(drop)
            }
            "a password change" => {
                let ctx = self.signed_in(&owner.other_session).await;
                let current = Password::parse(PASSWORD).unwrap();
                let passwords = &doorward.passwords;
                let current = current.into();
                passwords.change(&ctx, None, &current, &new, None).await
            }
            "a recovery" => {
                let recovery = &doorward.recovery;
                recovery.finish(&anonymous, &owner.recovery, &new).await
            }
            "a password set by the operator" => doorward.passwords.set(&operator, name, &new).await,
            "all sessions revoked" => doorward.sessions.revoke_all(&operator, name).await,
            "the second factor removed" => {
                let removed = doorward
                    .factor_removal
                    .remove_by_name(&operator, name, None);
                removed.await.map(drop)
            }
            "the address change undone" => {
                let email_undo = &doorward.email_undo;
                email_undo
                    .undo_change(&anonymous, &owner.undo)
                    .await
                    .map(drop)
            }
            "the first factor undone" => {
                let factor_undo = &doorward.factor_undo;
                factor_undo.undo(&anonymous, &owner.factor_undo).await
            }
            "disabled" => doorward
                .admin
                .disable(&operator, name, None)
                .await
                .map(drop),
            "disabled and enabled" => {
                doorward.admin.disable(&operator, name, None).await.unwrap();
                doorward.admin.enable(&operator, name, None).await.map(drop)
            }
            "deleted" => self.delete(name).await,
            _ => {
                self.delete(name).await.unwrap();
                self.sign_up(name).await;
                Ok(())
            }
        };
        done.unwrap();
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let (deletion, operator) = (&self.doorward.deletion, self.ctx(Actor::CommandLine));
        deletion.delete(&operator, name, None).await.map(drop)
    }

    async fn use_secret(&self, kind: Kind, owner: &Owner) -> Result<(), Error> {
        let (doorward, anonymous) = (&self.doorward, self.anonymous());
        match kind {
            Session => {
                let session_check = &doorward.session_check;
                let token = owner.session.expose();
                session_check
                    .authenticate(&anonymous, token)
                    .await
                    .map(drop)
            }
            RecoveryLink => {
                let newest = Secret::new("a third one for luck".to_owned());
                let recovery = &doorward.recovery;
                recovery.finish(&anonymous, &owner.recovery, &newest).await
            }
            ChangeLink => {
                let confirmation = &doorward.confirmation;
                confirmation
                    .confirm(&anonymous, &owner.change)
                    .await
                    .map(drop)
            }
            UndoLink => {
                let email_undo = &doorward.email_undo;
                email_undo
                    .undo_change(&anonymous, &owner.undo)
                    .await
                    .map(drop)
            }
            FactorLink => {
                let factor_undo = &doorward.factor_undo;
                factor_undo.undo(&anonymous, &owner.factor_undo).await
            }
            Challenge => {
                let (second_step, code) = (&doorward.second_step, &owner.recovery_code);
                let answered = second_step.answer(&anonymous, &owner.challenge, None, code);
                answered.await.map(drop)
            }
        }
    }
}

fn address(name: &str) -> EmailAddress {
    fixtures::address(&format!("{name}@example.com"))
}
