//! Why a sign-in, a proof or an undo was refused.

use crate::string_enum::string_enum;

string_enum! {
    /// Why an attempt was refused: the detail of its audit event.
    Refusal {
        /// No account has the username or the address.
        UnknownAccount => "unknown account",
        /// The password is wrong.
        WrongPassword => "wrong password",
        /// The code of the second factor is wrong.
        WrongCode => "wrong code",
        /// The address is not confirmed.
        EmailNotConfirmed => "email not confirmed",
        /// The account is disabled.
        AccountDisabled => "account disabled",
        /// The account is about to be deleted.
        DeletionPending => "deletion pending",
        /// Another user has the address that would have been restored.
        AddressTaken => "address in use by another user",
    }
}
