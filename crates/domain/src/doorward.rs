//! The services, as web, worker and command line receive them, built from the bottom up.
//!
//! The fields of a service or an object are all that it can reach. Each line of [`Doorward::new`] builds one from what stands
//! above it, so there are no circles.

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Access, Action};
use crate::audit::limits::AuditLimits;
use crate::audit::subscriber::AuditSubscriber;
use crate::audit::{Audit, AuditChain, AuditSigner};
use crate::clock::Clock;
use crate::ctx::Ctx;
use crate::deletion::Deletion;
use crate::deletion::due::DueDeletions;
use crate::devices::{DeviceCookies, SignInDevices};
use crate::email::{Confirmation, EmailChange, EmailUndo};
use crate::error::Error;
use crate::factors::attempts::CodeAttempts;
use crate::factors::challenge::Challenges;
use crate::factors::changes::FactorChanges;
use crate::factors::recovery_grant::RecoveryGrants;
use crate::factors::store::FactorStore;
use crate::factors::transfer::FactorTransfer;
use crate::factors::verifier::CodeVerifier;
use crate::factors::{FactorEnrolment, FactorRemoval, FactorUndo, Factors};
use crate::housekeeping::Housekeeping;
use crate::invitation::{InvitationAcceptance, Invitations};
use crate::jobs::leases::JobLeases;
use crate::jobs::queue::JobQueue;
use crate::keys::{KeyStore, Keyring, Keys};
use crate::limits::{MailboxLimits, RateLimiter, ThrottleScope};
use crate::links::undo::UndoLinks;
use crate::nodes::Nodes;
use crate::outbox::admission::MailAdmission;
use crate::outbox::content::MailContent;
use crate::outbox::delivery::MailDelivery;
use crate::outbox::subscriber::MailSubscriber;
use crate::outbox::{Outbox, QueuedMails, UnsentMails};
use crate::passwords::Passwords;
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::hashing::Hasher;
use crate::passwords::verifier::PasswordVerifier;
use crate::policy::Policy;
use crate::ports::Ports;
use crate::readiness::Readiness;
use crate::reauthentication::Reauthentication;
use crate::recovery::Recovery;
use crate::sessions::cache::SessionCache;
use crate::sessions::{
    AudienceTokens, LastSeenTimes, Renewal, SessionCheck, SessionEnder, SessionIssuer,
    SessionStore, Sessions,
};
use crate::sign_in::completion::SignInCompletion;
use crate::sign_in::{SecondStep, SignIn};
use crate::sign_up::{SignUp, SignUpCookies};
use crate::totals::Totals;
use crate::totals::counts::{CountingRecorder, TotalCounts};
use crate::transfer::{ImportDryRun, PepperCheck, UserExport, UserImport};
use crate::user_versions::UserVersions;
use crate::users::removal::UserRemoval;
use crate::users::{
    Accounts, Admin, Operator, Overview, PersonalExport, Profile, RecentActivity, UserList,
};
use crate::writer::Writer;

/// Size of this node's session cache: about 20,000 sessions of users with little data (H-05).
const SESSION_CACHE_BYTES: u64 = 48 * 1024 * 1024;

/// Builds an object from clones of the variables that its fields are named after.
macro_rules! build {
    ($object:ident: $($field:ident),+) => { $object { $($field: $field.clone()),+ } };
}

/// All services of one node.
pub struct Doorward {
    policy: Arc<Policy>,
    clock: Arc<dyn Clock>,
    access: Arc<Access>,
    rate_limiter: Arc<RateLimiter>,
    /// Creates accounts.
    pub sign_up: SignUp,
    /// Verifies passwords and creates sessions.
    pub sign_in: SignIn,
    /// Continues sign-ins that need a second factor.
    pub second_step: SecondStep,
    /// Records and recognizes the devices of sign-ins.
    pub devices: Arc<SignInDevices>,
    /// Verifies the proof of a signed-in user again.
    pub reauthentication: Arc<Reauthentication>,
    /// Authenticates session tokens.
    pub session_check: Arc<SessionCheck>,
    /// Lists and ends sessions.
    pub sessions: Sessions,
    /// Issues new tokens for existing sessions.
    pub renewal: Renewal,
    /// Issues tokens for other services.
    pub audience_tokens: AudienceTokens,
    /// Confirms addresses.
    pub confirmation: Confirmation,
    /// Changes addresses.
    pub email_change: EmailChange,
    /// Undoes changes of addresses.
    pub email_undo: EmailUndo,
    /// Sets a new password by a mailed link.
    pub recovery: Recovery,
    /// Changes and sets passwords.
    pub passwords: Passwords,
    /// Lists second factors.
    pub factors: Factors,
    /// Adds second factors, and renews recovery codes.
    pub factor_enrolment: FactorEnrolment,
    /// Removes second factors.
    pub factor_removal: FactorRemoval,
    /// Undoes the first second factor of an account.
    pub factor_undo: FactorUndo,
    /// Views and updates one account.
    pub profile: Profile,
    /// Lists what happened to an account.
    pub activity: RecentActivity,
    /// Exports everything stored about one user.
    pub personal_export: PersonalExport,
    /// Deletes accounts, at once or after some days.
    pub deletion: Deletion,
    /// Lists and finds users.
    pub user_list: UserList,
    /// Shows admins everything about an account.
    pub accounts: Accounts,
    /// Lists what an admin should look at.
    pub overview: Overview,
    /// Changes other users' role and status.
    pub admin: Admin,
    /// Finds and creates users for the command line.
    pub operator: Operator,
    /// Invites users.
    pub invitations: Invitations,
    /// Accepts invitations.
    pub invitation_acceptance: InvitationAcceptance,
    /// Lists and downloads the audit log.
    pub audit: Audit,
    /// Seals, prunes, verifies and exports the audit log.
    pub audit_chain: AuditChain,
    /// Creates, rotates, revokes and lists signing keys.
    pub keys: Keys,
    /// Sends the mails in the outbox.
    pub outbox: Outbox,
    /// Lists, shows, retries and deletes queued mails.
    pub unsent_mails: UnsentMails,
    /// Writes when sessions were last used.
    pub last_seen: Arc<LastSeenTimes>,
    /// Runs periodic tasks.
    pub housekeeping: Housekeeping,
    /// Reports whether the stores respond.
    pub readiness: Readiness,
    /// Writes and lists the totals.
    pub totals: Totals,
    /// Writes and lists the nodes.
    pub nodes: Nodes,
    /// Exports all users.
    pub user_export: UserExport,
    /// Imports users.
    pub user_import: UserImport,
    /// Determines the outcomes of an import.
    pub import_dry_run: ImportDryRun,
    /// Checks that the stored hashes can be verified.
    pub pepper_check: PepperCheck,
}

impl Doorward {
    /// Creates the services. Does no I/O.
    pub fn new(ports: Ports, policy: Policy, hasher: Hasher, keyring: Keyring) -> Self {
        let Ports {
            store,
            random,
            clock,
            mailer,
            rate_limits: counters,
            ..
        } = ports;
        let (policy, keyring) = (Arc::new(policy), Arc::new(keyring));
        let master_key = keyring.master_key();
        let hasher = Arc::new(hasher.with_recorder(ports.recorder.clone()));
        let total_counts = Arc::<TotalCounts>::default();
        let recorder = Arc::new(CountingRecorder {
            counts: total_counts.clone(),
            clock: clock.clone(),
            next: ports.recorder,
        });
        let user_versions = Arc::<UserVersions>::default();
        let audit_limits = Arc::<AuditLimits>::default();
        let job_leases = Arc::<JobLeases>::default();
        let queued_mails = Arc::new(QueuedMails::new(store.clone(), policy.max_outbox));
        let writer = Arc::new(Writer {
            store: store.clone(),
            user_versions: user_versions.clone(),
            queued_mails: queued_mails.clone(),
            recorder,
            subscribers: vec![
                Box::new(AuditSubscriber::new(random.clone(), audit_limits.clone())),
                Box::new(build!(MailSubscriber: random, queued_mails)),
            ],
        });
        let session_store = SessionStore::new(store.clone(), ports.sessions);
        let last_seen = Arc::new(LastSeenTimes::new(session_store.clone(), policy.clone()));
        let key_store = Arc::new(KeyStore::new(store.clone(), keyring.clone(), clock.clone()));
        let device_cookies = Arc::new(DeviceCookies::new(master_key.mac_key("device")));
        let audit_signer = Arc::new(AuditSigner::from_master_key(&master_key));
        let cache = Arc::new(SessionCache::new(
            SESSION_CACHE_BYTES,
            user_versions.clone(),
        ));
        let access = Arc::new(build!(Access: store, writer, policy));
        let rate_limiter = Arc::new(build!(RateLimiter: counters, policy, writer));
        let mailbox_limits = Arc::new(build!(MailboxLimits: rate_limiter, policy, writer));
        let sign_up_cookies = Arc::new(build!(SignUpCookies: store, master_key, random));
        let session_ender =
            Arc::new(build!(SessionEnder: session_store, user_versions, policy, writer));
        let session_issuer = Arc::new(
            build!(SessionIssuer: session_store, session_ender, keyring, random, policy, writer),
        );
        let user_removal = Arc::new(build!(UserRemoval: store, writer, session_ender));
        let password_attempts =
            Arc::new(build!(PasswordAttempts: store, counters, rate_limiter, policy, writer));
        let password_verifier =
            Arc::new(build!(PasswordVerifier: store, hasher, password_attempts, policy, writer));
        let factor_store = Arc::new(build!(FactorStore: store));
        let factor_transfer =
            Arc::new(build!(FactorTransfer: store, factor_store, master_key, random));
        let factor_changes = Arc::new(build!(FactorChanges: rate_limiter, writer));
        let code_attempts =
            Arc::new(build!(CodeAttempts: counters, rate_limiter, factor_store, policy));
        let code_verifier =
            Arc::new(build!(CodeVerifier: factor_store, code_attempts, master_key, writer));
        let recovery_grants = Arc::new(build!(RecoveryGrants: store, code_attempts, rate_limiter));
        let challenges =
            Arc::new(build!(Challenges: store, random, policy, recovery_grants, writer));
        let reauthentication = Arc::new(
            build!(Reauthentication: store, access, password_verifier, password_attempts, code_verifier, code_attempts, writer),
        );
        let undo_links = Arc::new(
            build!(UndoLinks: store, writer, hasher, random, factor_store, session_ender, policy),
        );
        let due_deletions = Arc::new(build!(DueDeletions: store, user_removal, writer));
        let devices = Arc::new(build!(SignInDevices: store, policy, rate_limiter, device_cookies));
        let completion =
            Arc::new(build!(SignInCompletion: devices, password_attempts, session_issuer, writer));
        let job_queue = Arc::new(build!(JobQueue: store, clock, job_leases, writer));
        let mail_content = Arc::new(build!(MailContent: store, random, policy, writer));
        let mail_admission = Arc::new(
            build!(MailAdmission: store, clock, policy, rate_limiter, mailbox_limits, writer),
        );
        let mail_delivery = Arc::new(
            build!(MailDelivery: store, random, clock, mailer, policy, job_queue, mail_content, mail_admission, writer),
        );
        let session_check = Arc::new(
            build!(SessionCheck: store, policy, keyring, key_store, session_store, session_ender, last_seen, cache, user_versions, writer),
        );
        Self {
            sign_up: build!(SignUp: store, random, policy, hasher, mailbox_limits, password_attempts, sign_up_cookies, queued_mails, writer),
            sign_in: build!(SignIn: store, password_verifier, password_attempts, challenges, completion, writer),
            second_step: build!(SecondStep: store, policy, password_attempts, code_attempts, code_verifier, challenges, completion, writer),
            sessions: build!(Sessions: session_store, session_ender, last_seen, access, writer),
            renewal: build!(Renewal: policy, keyring, session_store, session_check, user_versions, writer),
            audience_tokens: build!(AudienceTokens: random, policy, keyring),
            confirmation: build!(Confirmation: store, policy, session_ender, user_removal, mailbox_limits, password_verifier, password_attempts, sign_up_cookies, queued_mails, writer),
            email_change: build!(EmailChange: store, policy, access, mailbox_limits, queued_mails, writer),
            email_undo: build!(EmailUndo: undo_links),
            recovery: build!(Recovery: store, random, policy, hasher, session_ender, mailbox_limits, recovery_grants, queued_mails, writer),
            passwords: build!(Passwords: store, policy, hasher, session_ender, access, password_verifier, password_attempts, reauthentication, writer),
            factors: build!(Factors: store, access, factor_store, writer),
            factor_enrolment: build!(FactorEnrolment: store, random, policy, master_key, access, factor_store, factor_changes, challenges, writer),
            factor_removal: build!(FactorRemoval: store, session_ender, access, factor_store, factor_changes, writer),
            factor_undo: build!(FactorUndo: undo_links),
            profile: build!(Profile: store, access, writer),
            activity: build!(RecentActivity: store, access, writer),
            personal_export: build!(PersonalExport: store, last_seen, access, factor_store, writer),
            deletion: build!(Deletion: store, policy, session_ender, user_removal, access, rate_limiter, password_verifier, reauthentication, writer),
            user_list: build!(UserList: store, access, writer),
            accounts: build!(Accounts: store, last_seen, access, factor_store, writer),
            overview: build!(Overview: store, access, writer),
            admin: build!(Admin: store, policy, session_ender, user_versions, access, writer),
            operator: build!(Operator: store, random, hasher, access, writer),
            invitations: build!(Invitations: store, random, policy, user_removal, access, mailbox_limits, queued_mails, writer),
            invitation_acceptance: build!(InvitationAcceptance: store, policy, hasher, user_removal, password_attempts, writer),
            audit: build!(Audit: store, clock, last_seen, access, writer),
            audit_chain: build!(AuditChain: store, policy, audit_signer, writer),
            keys: build!(Keys: store, random, policy, keyring, key_store, access, writer),
            outbox: build!(Outbox: store, job_queue, queued_mails, mail_delivery),
            unsent_mails: build!(UnsentMails: store, random, mailer, access, queued_mails, mail_content, writer),
            housekeeping: build!(Housekeeping: store, policy, user_removal, due_deletions, audit_limits, writer),
            readiness: Readiness::new(store.clone(), session_store.clone(), clock.clone()),
            totals: build!(Totals: store, access, total_counts, writer),
            nodes: build!(Nodes: store, clock, access, writer),
            user_export: build!(UserExport: store, factor_transfer, writer),
            user_import: build!(UserImport: store, factor_transfer, writer),
            import_dry_run: build!(ImportDryRun: store),
            pepper_check: build!(PepperCheck: store, hasher),
            devices,
            reauthentication,
            session_check,
            last_seen,
            policy,
            clock,
            access,
            rate_limiter,
        }
    }

    /// The settings of the rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Checks that the actor may do this, and audits a forbidden attempt. The services check this themselves. A
    /// handler calls it first if it would otherwise validate input before the service does.
    pub async fn authorize(&self, ctx: &Ctx, action: Action) -> Result<(), Error> {
        self.access.authorize(ctx, action).await
    }

    /// Like [`Self::authorize`], for the user that a path names.
    pub async fn authorize_by_name(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<(), Error> {
        self.access.authorize_by_name(ctx, action, named).await
    }

    /// Counts a request in its scope: tokens by account, everything else by network prefix. Passwords are counted
    /// when they are checked, because only then is the account known.
    pub async fn check_rate_limit(&self, ctx: &Ctx, scope: ThrottleScope) -> Result<(), Error> {
        self.rate_limiter.check_scope(ctx, scope).await
    }
}
