### The English texts. Other languages have the same messages with the same variables.
###
### Syntax: https://projectfluent.org/fluent/guide/. No markup: a template puts links and emphasis around a message.
### A value that can be missing is the number 0 then, so `[0]` is the variant without it. Values such as `$code` select
### a variant by their text.

## Words of several texts

# ltr or rtl: from left to right, or from right to left.
direction = ltr
duration-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
duration-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
duration-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
duration-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
duration-years = { $count ->
    [one] { $count } year
   *[other] { $count } years
}
duration = { $unit ->
    [seconds] { duration-seconds }
    [minutes] { duration-minutes }
    [hours] { duration-hours }
    [days] { duration-days }
   *[years] { duration-years }
}
# $month is the English name.
month = { $month ->
    [January] January
    [February] February
    [March] March
    [April] April
    [May] May
    [June] June
    [July] July
    [August] August
    [September] September
    [October] October
    [November] November
   *[December] December
}
date = { $day } { month } { $year }
date-time = { $day } { month } { $year }, { $time } UTC

## Mails. Operators can replace these and the durations (`mail.templates`).
## Each has the values $product, $greeting, $username, $at, $valid, $new_email, $deletion_at, $device and
## $url.
## A mail has the messages mail-NAME-subject, -title, -intro and -action (without the mark at its end: the link follows),
## -valid if its link expires, and may have -expected, -button, -effects and -ignore.

mail-greeting = { $greeting ->
    [0] Hello,
   *[other] Hello { $greeting },
}
mail-link-hint = If the button does not work, copy this address into your browser:
mail-link-valid = The link works for { $valid }.
mail-link-once = The link works once, for { $valid }.
mail-go-to-product = Go to { $product }
mail-nothing-to-do = If this was you, there is nothing to do.
mail-open-and-confirm = If this was you, open this link and confirm the address
mail-confirm-button = Confirm email address
# Parts of sentences below.
mail-username = { $username ->
    [0] { "" }
   *[other] { " " }with the username { $username }
}
mail-new-email = { $new_email ->
    [0] { "" }
   *[other] { " " }to { $new_email }
}
mail-device = { $device ->
    [0] { "" }
   *[other] ; { $device }
}

mail-confirm-subject = Confirm your email address for { $product }
mail-confirm-title = Confirm your email address
mail-confirm-intro = Someone entered this email address for an account at { $product }{ mail-username } ({ $at }).
mail-confirm-action = { mail-open-and-confirm }
mail-confirm-valid = { mail-link-valid }
mail-confirm-ignore = If this wasn't you, ignore this email: your address is not used without confirmation. You can also remove it now from the page behind the link.

mail-invitation-subject = You're invited to { $product }
mail-invitation-title = You're invited to { $product }
mail-invitation-intro = An admin of { $product } invites you to an account for this email address{ mail-username } ({ $at }).
mail-invitation-action = To accept the invitation, open this link and choose a password
mail-invitation-button = Accept the invitation
mail-invitation-valid = { mail-link-once }
mail-invitation-ignore = If you didn't expect this, ignore this email: without a password no one can use the account, and it will be deleted. Don't share this link.

mail-already-registered-subject = You already have an account at { $product }
mail-already-registered-title = You already have an account
mail-already-registered-intro = Someone tried to sign up for { $product } with this email address ({ $at }). You already have an account with this address, and it was not changed.
mail-already-registered-action = If this was you, sign in here. If you forgot your password, you can reset it there
mail-already-registered-ignore = If this wasn't you, ignore this email.

mail-recover-subject = Reset your password for { $product }
mail-recover-title = Reset your password
mail-recover-intro = A new password for your { $product } account{ mail-username } was requested ({ $at }).
mail-recover-action = If this was you, open this link and set a new password
mail-recover-button = Set a new password
mail-recover-valid = { mail-link-once }
mail-recover-ignore = If this wasn't you, ignore this email: nothing changes. Don't share this link.

mail-password-changed-subject = Your password for { $product } was changed
mail-password-changed-title = Your password was changed
mail-password-changed-intro = The password of your { $product } account{ mail-username } was changed ({ $at }).
mail-password-changed-expected = { mail-nothing-to-do }
mail-password-changed-action = If this wasn't you, someone else may have access to your account. Go to { $product } now and reset your password there
mail-reset-signs-out = Resetting the password signs out all devices.
mail-password-changed-effects = { mail-reset-signs-out }

mail-email-change-subject = Confirm your new email address for { $product }
mail-email-change-title = Confirm your new email address
mail-email-change-intro = Someone asked to use this email address for a { $product } account{ mail-username } ({ $at }).
mail-email-change-action = { mail-open-and-confirm }
mail-email-change-button = { mail-confirm-button }
mail-email-change-valid = The link works for { $valid }. Until you confirm, the account stays the same.
mail-email-change-ignore = If this wasn't you, ignore this email: this address is not used without confirmation.

mail-email-change-notice-subject = The email address of your { $product } account is about to change
mail-email-change-notice-title = Your email address is about to change
mail-email-change-notice-intro = Someone asked to change the email address of your { $product } account{ mail-username }{ mail-new-email } ({ $at }). After the new address is confirmed, emails about your account go there.
mail-email-change-notice-expected = If you expected this, there is nothing to do.
mail-email-change-notice-action = If you didn't expect this, contact { $product } support

mail-email-change-undo-subject = { mail-email-change-notice-subject }
mail-email-change-undo-title = { mail-email-change-notice-title }
mail-email-change-undo-intro = { mail-email-change-notice-intro }
mail-email-change-undo-expected = { mail-nothing-to-do }
mail-email-change-undo-action = If this wasn't you, someone knows your password. Open this link to keep your account at this address. It works even after the new address is confirmed
mail-undo-button = This wasn't me: undo the change
mail-undo-effects = The link signs out all devices, disables the password and sends you an email to set a new one. Don't share this link.
mail-email-change-undo-button = { mail-undo-button }
mail-email-change-undo-valid = { mail-link-once }
mail-email-change-undo-effects = { mail-undo-effects }

mail-email-changed-subject = The email address of your { $product } account was changed
mail-email-changed-title = Your email address was changed
mail-email-changed-intro = The email address of your { $product } account{ mail-username } was changed{ mail-new-email } ({ $at }). Emails about your account now go to the new address.
mail-email-changed-expected = { mail-nothing-to-do }
mail-email-changed-action = If this wasn't you, someone knows your password. Open this link to move your account back to this address
mail-email-changed-button = { mail-undo-button }
mail-email-changed-valid = { mail-link-once }
mail-email-changed-effects = { mail-undo-effects }

mail-email-change-undone-subject = The email change of your { $product } account was undone
mail-email-change-undone-title = Your email change was undone
mail-email-change-undone-intro = Your { $product } account{ mail-username } is back at its previous email address{ $new_email ->
    [0] { "" }
   *[other] , { $new_email }
}: someone opened the undo link that was sent there ({ $at }). All devices are signed out and the password is disabled. We sent an email to set a new password to the previous address. Emails about the account no longer come here.
mail-email-change-undone-set-password = If this was you, set a new password with that email.
mail-email-change-undone-expected = { mail-email-change-undone-set-password }
mail-email-change-undone-action = If this wasn't you and the account is yours, someone else can read the emails of that address. Contact { $product } support to get your account back

mail-deletion-requested-subject = Your { $product } account will be deleted
mail-deletion-requested-title = Your account will be deleted
mail-deletion-on = { $deletion_at ->
    [0] soon
   *[other] on { $deletion_at }
}
mail-deletion-requested-intro = Someone asked to delete your { $product } account{ mail-username } ({ $at }). It will be deleted { mail-deletion-on }, with everything that is stored in it. Until then, no one can sign in.
mail-deletion-requested-expected = { mail-nothing-to-do }
mail-deletion-requested-action = If this wasn't you, or you have changed your mind, open this link and keep your account
mail-deletion-keep-button = Keep my account
mail-deletion-requested-button = { mail-deletion-keep-button }
mail-deletion-valid = The link works once, until the account is deleted. After that, the account can't be restored.
mail-deletion-requested-valid = { mail-deletion-valid }
mail-deletion-requested-effects = If this wasn't you, someone knows your password: reset it after you have opened the link. Don't share this link.

mail-deletion-reminder-subject = Last chance to keep your { $product } account
mail-deletion-reminder-title = Your account will be deleted soon
mail-deletion-reminder-intro = As requested, your { $product } account{ mail-username } will be deleted { mail-deletion-on }, with everything that is stored in it.
mail-deletion-reminder-expected = If you want this, there is nothing to do.
mail-deletion-reminder-action = To keep your account, open this link
mail-deletion-reminder-button = { mail-deletion-keep-button }
mail-deletion-reminder-valid = { mail-deletion-valid }

mail-new-sign-in-subject = New sign-in to your { $product } account
mail-new-sign-in-title = New sign-in
mail-new-sign-in-intro = Someone signed in to your { $product } account{ mail-username } from a new device or network ({ $at }{ mail-device }).
mail-new-sign-in-expected = { mail-nothing-to-do }
mail-sign-in-action = If this wasn't you, someone knows your password. Go to { $product } now and reset it there
mail-new-sign-in-action = { mail-sign-in-action }
mail-new-sign-in-effects = { mail-reset-signs-out }

mail-sign-in-after-failures-subject = Sign-in to your { $product } account after failed attempts
mail-sign-in-after-failures-title = Sign-in after many failed attempts
mail-sign-in-after-failures-intro = Someone signed in to your { $product } account{ mail-username } after ten or more wrong passwords or codes in a row ({ $at }{ mail-device }).
mail-sign-in-after-failures-expected = { mail-nothing-to-do }
mail-sign-in-after-failures-action = { mail-sign-in-action }
mail-sign-in-after-failures-effects = { mail-reset-signs-out }

mail-lockout-subject = Someone is guessing the password of your { $product } account
mail-lockout-title = Someone is guessing your password
mail-lockout-intro = Someone entered many wrong passwords for your { $product } account{ mail-username } ({ $at }). To protect it, new devices can't sign in with the password for now. Devices where you are signed in are not affected.
mail-lockout-action = To sign in on a new device, reset your password by email
mail-lockout-button = Reset password
mail-lockout-ignore = If you don't need to sign in on a new device, there is nothing to do.

mail-deletion-cancelled-subject = Your { $product } account will not be deleted
mail-deletion-cancelled-title = Your account stays
mail-deletion-cancelled-intro = The deletion of your { $product } account{ mail-username } was cancelled ({ $at }). You can sign in as before.
mail-deletion-cancelled-expected = { mail-email-change-notice-expected }
mail-deletion-cancelled-action = If you didn't expect this, someone else may have access to your account. Reset your password here
mail-deletion-cancelled-button = { mail-lockout-button }
mail-deletion-cancelled-effects = { mail-reset-signs-out }

mail-test-subject = Test email from { $product }
mail-test-title = Emails from { $product } arrive
mail-test-intro = You asked for this test email as an admin of { $product } ({ $at }). It was sent like any other email.
mail-test-action = You don't have to do anything. { $product } is here

mail-factor-reset = Reset your password now
mail-factor-not-you = If this wasn't you, someone knows your password. { mail-factor-reset }
mail-factor-effects = { mail-reset-signs-out } Your two-factor sign-in stays as it is. If you can't sign in afterwards, contact { $product } support.

mail-code-lockout-subject = Someone is guessing codes for your { $product } account
mail-code-lockout-title = Someone knows your password and is guessing codes
mail-code-lockout-intro = Someone entered the password of your { $product } account{ mail-username } and many wrong codes ({ $at }). To protect it, new devices can't sign in with a code of your authenticator app for now. Devices where you have entered a code before are not affected.
mail-code-lockout-action = { mail-factor-not-you }
mail-code-lockout-button = { mail-lockout-button }
mail-code-lockout-effects = { mail-reset-signs-out } A new password alone doesn't end this protection: after you have reset it by email, you can enter five codes. A recovery code always works.

mail-factor-added-subject = An authenticator app was added to your { $product } account
mail-factor-added-title = An authenticator app was added
mail-factor-added-intro = An authenticator app was added to your { $product } account{ mail-username } ({ $at }). Signing in now needs your password and a code.
mail-factor-added-expected = { mail-nothing-to-do }
mail-factor-added-action = { mail-factor-not-you }
mail-factor-added-button = { mail-lockout-button }
mail-factor-added-effects = { mail-factor-effects }

mail-first-factor-added-subject = Two-factor sign-in was turned on for your { $product } account
mail-first-factor-added-title = Two-factor sign-in was turned on
mail-first-factor-added-intro = The first authenticator app was added to your { $product } account{ mail-username } ({ $at }). Signing in now needs your password and a code.
mail-first-factor-added-expected = { mail-nothing-to-do }
mail-first-factor-added-action = If this wasn't you, someone knows your password. Open this link to get your account back. It works even after the email address of the account is changed
mail-first-factor-added-button = This wasn't me: remove the app
mail-first-factor-added-valid = { mail-link-once }
mail-first-factor-added-effects = The link removes all authenticator apps, signs out all devices, disables the password and sends you an email to set a new one. Don't share this link.

mail-factor-removed-subject = An authenticator app of your { $product } account was removed
mail-factor-removed-title = An authenticator app was removed
mail-factor-removed-intro = An authenticator app was removed from your { $product } account{ mail-username } ({ $at }). If it was the only one, your account is now protected by the password alone.
mail-factor-removed-expected = If this was you, or you asked support to do it, there is nothing to do.
mail-factor-removed-action = If this wasn't you, someone else may have access to your account. { mail-factor-reset }
mail-factor-removed-button = { mail-lockout-button }
mail-factor-removed-effects = { mail-factor-effects }

mail-recovery-codes-renewed-subject = New recovery codes for your { $product } account
mail-recovery-codes-renewed-title = You have new recovery codes
mail-recovery-codes-renewed-intro = New recovery codes were created for your { $product } account{ mail-username } ({ $at }). The old codes no longer work.
mail-recovery-codes-renewed-expected = { mail-nothing-to-do }
mail-recovery-codes-renewed-action = If this wasn't you, someone else may have access to your account. { mail-factor-reset }
mail-recovery-codes-renewed-button = { mail-lockout-button }
mail-recovery-codes-renewed-effects = { mail-factor-effects }

mail-recovery-code-used-subject = A recovery code of your { $product } account was used
mail-recovery-code-used-title = A recovery code was used
mail-recovery-code-used-intro = Someone entered a recovery code of your { $product } account{ mail-username } ({ $at }). This code can't be used again.
mail-recovery-code-used-expected = { mail-nothing-to-do }
mail-recovery-code-used-action = If this wasn't you, someone knows your password and one of your recovery codes. { mail-factor-reset }
mail-recovery-code-used-button = { mail-lockout-button }
mail-recovery-code-used-effects = { mail-reset-signs-out } Then sign in and create new recovery codes. If you can't sign in, contact { $product } support.

mail-recovery-codes-low-subject = Few or no recovery codes are left for your { $product } account
mail-recovery-codes-low-title = Few or no recovery codes are left
mail-recovery-codes-low-intro = Someone entered a recovery code of your { $product } account{ mail-username } ({ $at }). At most two codes are left.
mail-recovery-codes-low-expected = If this was you, create new recovery codes in your account. Without a code and without your authenticator app, you can't sign in.
mail-recovery-codes-low-action = { mail-recovery-code-used-action }
mail-recovery-codes-low-button = { mail-lockout-button }
mail-recovery-codes-low-effects = { mail-recovery-code-used-effects }

## Pages: words of several pages

label-email = Email
label-login = Email or username
label-username = Username
label-name = Name
label-password = Password
label-new-password = New password
label-code = Code
code-hint = From your authenticator app, or a recovery code.
show-password = Show password
hide-password = Hide password
password-hint = At least { $min_length } characters. A few random words are easy to remember and hard to guess.
sign-in = Sign in
sign-in-other-account = Sign in with another account
forgot-password = Forgot your password?
please-wait = Please wait
copy = Copy
copied = Copied
print = Print
contact-support = Contact support
cancel = Cancel
send-link = Send link
send-again = Send the email again
back-to-sign-in = Back to sign-in
title-error = Error:
start-page = Go to the start page
panel-incomplete = This can't be shown right now.
try-again = Try again
check-email = Check your email
check-email-hint = Nothing there? It can take a minute. Check your spam folder too.
open-inbox = Open the built-in inbox
for-developers = For developers:
api-reference = API reference
inbox = Inbox

## Pages: errors of fields and forms, by $code. $login is an email address or a username.

fault-login = { $code ->
    [missing] Enter your email or username.
   *[other] Enter a valid email or username.
}
fault-email = { $code ->
    [missing] Enter your email.
    [taken] An account with this email address already exists. Sign in instead.
    [unchanged] Your account already has this address.
    [too-long] This email address is too long.
    [domain-not-allowed] Email addresses at this domain can't be used here.
   *[other] Enter a valid email address, such as ben@example.com.
}
# The address of another user, for an admin.
fault-user-email = { $code ->
    [missing] Enter an email address.
    [taken] An account with this email address already exists.
    [unchanged] This user already has this address.
    [account-disabled] This account is disabled. Enable it first.
   *[other] { fault-email }
}
fault-username = { $code ->
    [missing] Enter a username.
    [taken] This username is taken. Choose another one.
    [reserved] This username is reserved. Choose another one.
    [too-long] A username can have at most 64 characters.
   *[other] A username starts with a letter or digit and can contain letters, digits and . _ - +
}
fault-password = { $code ->
    [missing] Enter a password.
    [too-short] This password is too short. Use at least { $min_length } characters.
    [too-long] This password is too long.
    [common] This password is too common. Choose another one.
    [breached] This password appeared in a data breach. Choose another one.
    [too-personal] This password is too easy to guess from your name or email address. Choose another one.
    [wrong] Wrong password.
   *[other] This password can't be used. Choose another one.
}
fault-code = { $code ->
    [missing] Enter a code.
    [wrong] Wrong code. Each code works once: wait for the next one, or use a recovery code.
   *[other] Enter a code from your authenticator app, or a recovery code.
}
fault-setup-code = { $code ->
    [missing] Enter a code.
    [wrong] Wrong code. Check the time on your phone and enter the code that it shows now.
   *[other] Enter the six digits that your authenticator app shows.
}
fault-name = { $code ->
    [too-long] A name can have at most 200 characters.
   *[other] This name can't be used. Choose another one.
}
fault-locale = Choose a language from the list.
fault-choice = Choose an entry from the list.
fault-reason = Choose a reason from the list.
fault-people = { $code ->
    [missing] Enter at least one user.
    [too-many] Enter at most 20 users.
   *[failed] Some users were not invited. Correct their lines, and send them again.
}
fault-data = { $code ->
    [missing] Enter {"{"}{"}"} to remove all data.
    [wrong-type] Enter a JSON object, such as {"{"}"plan": "pro"{"}"}.
    [too-long] The data can have at most 16 KiB.
    [too-deep] The data can have at most 32 levels.
    [out-of-range] A number is too large or has too many digits. Write it as text, in quotation marks.
    [changed] The user was changed in the meantime. Saving again replaces what is stored now.
   *[invalid] This is not valid JSON, or has the same name twice.
}
fault-people-username = { $code ->
    [missing] Write a username before the address: the link confirms no address, so the user needs one to sign in.
   *[other] { fault-username }
}
fault-filter = { $kind ->
    [text] Enter at most 200 characters.
    [network] Enter an IP address, or a network such as 203.0.113.0/24.
    [day] Enter a day, such as 2026-11-21.
    [range] This range contains no day. Choose a later day.
    [sign-ins] No user matches both. Choose a day after "Signed in since".
   *[choice] { fault-choice }
}
fault-factor-name = { $code ->
    [too-long] A name can have at most 64 characters.
   *[other] This name can't be used. Choose another one.
}
form-problem = { $code ->
    [invalid-credentials] Wrong email, username or password. Try again, or reset your password.
    [wrong-password] Wrong password.
    [challenge-expired] Your sign-in has expired, or too many codes were wrong. Sign in again.
    [unknown-account] We couldn't find an account with that name.
    [email-unconfirmed] Your email address isn't confirmed yet. Open the link in the email we sent you.
    [account-disabled] This account is disabled. Contact support.
    [codes-locked-out] Too many wrong codes. Use a recovery code or a device where you have entered a code before, or reset your password by email. If nothing helps, contact support.
    [too-many-attempts] Too many attempts. Try again in { $wait }.
    [overloaded] We're very busy right now. Try again in a moment.
    [precondition-failed] Your password was changed somewhere else. Sign in again.
    [last-admin] You are the only admin. Make another user an admin first.
   *[other] Something isn't right. Check your details and try again.
}

terms = Terms of use
privacy = Privacy
support = Support

## Pages, in the order of a user's way

# $name is what has happened before.
sign-in-notice = { $name ->
    [signed-out] You are signed out.
    [session-ended] You were signed out. Sign in again to continue.
    [not-saved] You were signed out, so this was not saved. Sign in and try again.
    [signed-up] Your account is ready. Sign in to continue.
    [confirmed] Your email address is confirmed. Sign in to continue.
    [email-changed] Your new address is confirmed. You are signed out on all devices: sign in again.
    [cancelled] Thanks for letting us know. We've removed your email address from that account, and no one can sign in with it. There's nothing else you need to do.
    [recovered] Your password is changed. You are signed out on all devices: sign in with the new password.
    [factors-undone] Two-factor sign-in is off. You are signed out on all devices, and the old password no longer works. We've emailed you a link to set a new one. If someone else has changed the email address of your account, undo that with the link in the email about the change first.
    [deleted] Your account is deleted.
   *[kept] Your account is not deleted. You can sign in again.
}
sign-in-to-be-deleted = You are signed out. Your account will be deleted on { $at }. Until then you can keep it: enter your password below.
sign-in-deletion-sent-to = We've also sent a link to { $email }.
sign-in-email-undone = Your account uses { $name ->
    [0] the previous email address
   *[other] { $name }
} again. You are signed out on all devices, and the old password no longer works. We've emailed you a link to set a new one.
sign-in-factors-undone-too = Two-factor sign-in was turned off too. Once you are signed in, turn it on again.
sign-in-cookie = You are not signed in: your browser did not accept our cookie. Open this page at an address that starts with https://. Over http://, browsers accept the cookie at localhost only, and Safari not even there. If the address is right, allow cookies for this site.
sign-in-new = New here? { $link }
sign-in-new-link = Create an account

sign-up-button = Create account
sign-up-title = Create your account
sign-up-email-optional = Email (optional)
sign-up-email-hint = We'll use it if you need to reset your password.
sign-up-name-optional = Name (optional)
# The link to the other form. With domains, an email address is always required.
sign-up-other-form = { $name ->
    [email] Use an email address instead
    [also-username] Also choose a username
    [without-username] Sign up without a username
   *[username] Use a username instead
}
sign-up-domains = { $count ->
    [one] Use an address at { $domains }.
   *[other] Use an address at one of these domains: { $domains }.
}
# In a list of domains.
sign-up-with-subdomains = { $domain } (and its subdomains)
# $policy is the setting sign_up.policy.
sign-up-closed = { $policy ->
    [invitation] You need an invitation
   *[closed] Sign-up is closed
}
sign-up-closed-text = { $policy ->
    [invitation] New accounts need an invitation. If you have one, open the link in it. If not, ask the people who run this service.
   *[closed] New accounts can't be created here. Ask the people who run this service for an account.
}
sign-up-terms = By creating an account you accept the { $link }.
sign-up-known = Already have an account? { $link }

invitation-title = You're invited
invitation-text = Choose a password to create your account.
invitation-button = Accept the invitation

code-title = Enter a code
code-intro = Your password is correct. To finish signing in, open your authenticator app and enter the code that it shows.

required-title = Set up two-factor sign-in
required-text = Your account needs two-factor sign-in: signing in will take your password and a code from an authenticator app on your phone. If you don't have one yet, install one first.

sent-to = We've sent an email to { $email }. Open the link in it to confirm your address. The link works for 24 hours.
sent-again = If this address is waiting for confirmation, we've sent the email again.
sent-wrong-address = Wrong address? { $link }
sent-wrong-address-link = Sign up again

request-confirmation-title = Confirm your email address
request-confirmation-intro = Enter your email. We'll send you the link again.

confirm-title = Confirm your email address
confirm-done = Email address confirmed
confirm-done-text = There is nothing else you need to do.
confirm-done-next = Go to your account
confirm-is-new = Did you create this account?
confirm-is-new-text = This link confirms a sign-up with your email address. Confirm only if you signed up yourself at this time.
confirm-is-change = Is this the address of your account?
confirm-is-change-text = This link adds the address below to an account. Confirm only if the account is yours and you requested this yourself.
confirm-replaces-text = This link replaces the current address of an account with the address below. Confirm only if the account is yours and you requested this yourself.
confirm-signs-out = You are then signed out on all devices.
confirm-signed-up-at = Signed up
confirm-requested-at = Requested
confirm-chosen-password = The password you chose
confirm-your-password = Your password
confirm-button = Confirm
confirm-cancel = This wasn't me

account-title = Your account
account-hello = { $name ->
    [0] Hello
   *[other] Hello, { $name }
}
account-role = Role
account-admin = Admin
account-since = Member since
account-profile = Profile
account-security = Security
account-factors-on = On
account-factors-off = Off
account-this-device = This device
account-tasks = What needs doing
account-no-tasks = Nothing. Your account is set up well.
account-other-sign-in = Last other sign-in
account-signed-in-on = Signed in on
account-change = Change
skip-to-content = Skip to the content
section = { $name ->
    [overview] Overview
    [profile] Profile
    [email] Email
    [password] Password
    [factors] Two-factor sign-in
    [activity] Activity
    [data] Your data
    [delete] Delete account
   *[devices] Devices
}
task = { $name ->
    [confirm-email] Confirm your new email address
    [add-email] Add an email address, so that you can reset your password
    [renew-codes] Create new recovery codes: few are left
   *[add-factor] Turn on two-factor sign-in
}

profile-intro = Your name is shown to you and in the applications that you use.
profile-saved = Saved.
profile-save = Save
profile-language = Language
profile-language-of-browser = As in the browser
profile-language-hint = For these pages and for emails.

email-current = Your address
email-confirmed = Confirmed
email-not-confirmed = Not confirmed yet
email-none = Your account has no confirmed email address. Without one, you can't reset your password.
email-pending = New address
email-pending-text = Open the link in the email that we sent to this address and confirm it. Until then, nothing changes.
email-sent = We've sent an email to your new address.
email-now-confirmed = Your address is confirmed.
email-sent-again = We've sent the email again.
email-cancelled = The change is cancelled.
email-cancel = Cancel the change
email-change = Change your address
email-change-text = We'll send a link to the new address. When you confirm it there, it replaces the current one, and you are signed out on all devices. The current address gets a notice.
email-add = Add an address
email-add-text = We'll send a link to the address. Confirm it there to use it.
email-new = New email

devices-intro = You are signed in on these devices. If you don't recognise one, sign it out and change your password.
devices-count = { $count ->
    [one] { $count } device
   *[other] { $count } devices
}
devices-only-one = You are signed in on this device only.
devices-signed-out = That device is signed out.
devices-others-signed-out = All other devices are signed out.
devices-others = Sign out everywhere else
devices-others-text = Do this if you have lost a device, or if someone else may be using your account.
devices-others-button = Sign out all other devices
devices-others-heading = Sign out all other devices?
devices-others-effects = You stay signed in here. On every other device, the password is needed again. Links to reset the password that were sent before stop working.
# $name is the program and $system its system, such as Firefox and Windows.
device-name = { $name ->
    [0] { $system ->
        [0] Unknown device
       *[other] { $system }
    }
   *[other] { $system ->
        [0] { $name }
        [iPhone] { $name } on iPhone
        [iPad] { $name } on iPad
       *[other] { $name } on { $system }
    }
}
device-active-now = active now
device-active-minutes = { $count ->
    [one] active { $count } minute ago
   *[other] active { $count } minutes ago
}
device-active-hours = { $count ->
    [one] active { $count } hour ago
   *[other] active { $count } hours ago
}
device-active-days = { $count ->
    [one] active { $count } day ago
   *[other] active { $count } days ago
}
device-place = { $kind ->
    [same] same network as now
    [private] private network
   *[other] { $address }
}
device-signed-in = signed in
device-sign-out = Sign out { $name }
sign-out = Sign out

activity-intro = Sign-ins to your account, and changes to it.
activity-list = What happened
activity-none = Nothing yet. Sign-ins and changes appear here.
activity-newest = Newest
activity-older = Older
activity-not-me-one = This wasn't me
activity-not-me = Something here wasn't you?
activity-not-me-text = Someone else may know your password. Change it: that also signs out your other devices. Then check your email address and two-factor sign-in.
# $event is a kind of audit event.
activity = { $event ->
    [sign-up] You signed up
    [invited] Invited
    [invitation-accepted] Invitation accepted
    [email-confirmed] Email address confirmed
    [confirmation-requested] Email to confirm the address sent again
    [confirmation-cancelled] Change of the email address cancelled
    [sign-in] Signed in
    [second-factor-requested] Password entered; asked for a code
    [sign-out] Signed out
    [sessions-revoked] Devices signed out
    [session-evicted] The oldest device was signed out, because there were too many
    [password-changed] Password changed
    [password-set] Password set
    [recovery-requested] Email to reset the password requested
    [recovery-mailed] Someone asked to reset the password; we sent an email
    [recovered] Password reset by email
    [factor-added] Authenticator app added
    [factor-removed] Authenticator app removed
    [factors-undone] Two-factor sign-in turned off
    [recovery-codes-renewed] New recovery codes created
    [recovery-code-used] Recovery code used
    [email-change-requested] Change of the email address requested
    [email-change-undone] Change of the email address undone
    [role-changed] Role changed
    [status-changed] Account disabled or enabled
    [deletion-requested] Deletion of the account requested
    [deletion-cancelled] Deletion cancelled; the account stays
    [user-exported] Data downloaded
   *[profile-updated] Profile changed
}
activity-by = { $actor ->
    [admin] by an admin
    [operator] by the operator
    [server] automatically
   *[unknown] with a link in an email
}

data-intro = See and download what is stored about you here. Applications that you sign in to may store more.
data-download = Download
data-download-text = One JSON file with everything below, except your password, the keys of your authenticator apps, the recovery codes and the numbers of attempts.
data-download-button = Download your data
data-stored = What is stored, and for how long
data-category = { $name ->
    [user] Profile
    [password] Password
    [factors] Two-factor sign-in
    [sessions] Devices where you are signed in
    [devices] Known devices
    [links] Links in emails
    [mails] Emails to you
    [audit] Activity
   *[other] Attempts
}
# $period and $longest are durations.
data-until = { $name ->
    [user] Name, username, email address and language, as long as you have the account. If you delete it, everything stays for another { $period }, so that you can change your mind.
    [user-at-once] Name, username, email address and language, as long as you have the account.
    [password] Until you change it or the account is deleted. It is stored so that no one can read it.
    [factors] The keys of your authenticator apps and your recovery codes, until they are removed or the account is deleted. They are stored so that no one can read them.
    [sessions] Browser, IP address and times, for { $period } after the sign-in was last renewed, at most { $longest } after the sign-in.
    [devices] Browser and network of devices that you signed in from, for { $period } after the last sign-in there.
    [links] Purpose, email address and times, for { $period } after they expire.
    [mails] Until they are sent. An email that can't be sent for { $period } is deleted { $longest } later.
    [audit] Sign-ins and changes with browser and IP address, for { $period }. When the account is deleted, browser and IP address are removed.
    [audit-unlimited] Sign-ins and changes with browser and IP address, without a limit of time. When the account is deleted, browser and IP address are removed.
   *[other] How many wrong passwords and other attempts there were, to protect your account, for at most { $period }. With two-factor sign-in, also how often the password was reset since you last entered a code, for at most { $longest }.
}
data-applications = Stored by applications
data-applications-text = Applications have stored this with your account.
data-applications-none = No application has stored anything with your account.

delete-title = Delete your account
delete-intro = { $days ->
    [0] Your account is deleted at once and can't be restored.
    [one] Your account is deleted tomorrow at this time. Until then no one can use it, and after that it can't be restored.
   *[other] Your account is deleted in { $days } days. Until then no one can use it, and after that it can't be restored.
}
delete-undo-by-email = If you change your mind before then, open the link in the email that we'll send you, or enter your password on the sign-in page: you can keep the account there.
delete-undo-by-sign-in = If you change your mind before then, enter your password on the sign-in page: you can keep the account there.
delete-goes = What is deleted
delete-goes-profile = Your name, username, email address and language
delete-goes-security = Your password, authenticator apps, recovery codes and known devices
delete-goes-data = Everything that applications have stored with your account here
delete-stays = What stays
delete-stays-applications = What applications have stored themselves: ask them to delete it
delete-stays-log = A log of sign-ins and changes, without your name and address
delete-signs-out = You'll be signed out on all devices.
delete-reason = Why are you leaving? (optional)
delete-reason-none = I'd rather not say
delete-reason-name = { $reason ->
    [not-needed] I no longer need it
    [other-account] I have another account
    [privacy] I don't want my data to be stored
    [problems] Something didn't work
   *[other] Another reason
}
delete-reason-hint = The answer stays in the log, without your name and address.
delete-button = Delete my account

deletion-pending-title = Your account will be deleted
deletion-on = Deletion
deletion-pending-with-password = To keep your account, enter your password again.
deletion-pending-with-code = To keep your account, enter your password and a new code. Each code works once, so wait for the next one.
keep-account-heading = Keep your account?
keep-account-text = Someone asked to delete your account. If this wasn't you, or you want to keep your account, keep it here.
keep-account-button = Keep my account

password-title = Change password
password-heading = Change your password
password-signs-out = You'll be signed out on your other devices.
password-current = Current password
password-changed = Your password is changed. You've been signed out on your other devices.

factors-title = Two-factor sign-in
factors-off = Signing in takes only your password. Add an authenticator app, and it also takes a code from your phone: a stolen password alone is no longer enough.
factors-on = Signing in takes your password and a code from one of your authenticator apps.
factors-done-added = Your authenticator app is added.
factors-done-removed = The authenticator app is removed. You've been signed out on your other devices.
factors-apps = Authenticator apps
factors-added = added
factors-last-used = last used
factors-never = never used
factors-remove = Remove
factors-remove-signs-out = You'll be signed out on your other devices.
factors-remove-last = This is your only authenticator app. Without it, your password alone is enough to sign in, and your recovery codes no longer work.
factors-remove-app = { $name ->
    [0] Remove
   *[other] Remove { $name }
}
factors-codes = Recovery codes
factors-codes-text = If you lose your phone, a recovery code replaces your authenticator app. Each code works once.
factors-codes-left = Unused recovery codes: { $left }.
factors-renew = Create new recovery codes
factors-renew-voids = You'll get ten new codes. The old ones will no longer work.
factors-add = Add an authenticator app
factors-add-another = Add another authenticator app
factors-full = An account can have at most { $max } authenticator apps. Remove one first.
factors-unnamed = Authenticator app
factors-name = Name (optional)
factors-name-hint = To tell your authenticator apps apart, such as Phone or Tablet.
factors-continue = Continue

proof-title = Confirm that it's you
proof-with-password = Enter your password to continue.
proof-with-code = Enter your password and a code to continue.

setup-title = Set up your authenticator app
setup-scan = Scan this QR code with your authenticator app.
setup-qr = QR code for your authenticator app
setup-open = Open your authenticator app on this device
setup-type = Or enter this key in your authenticator app:
setup-again = Enter the code that your authenticator app shows now. If the account isn't in it yet, { $link }.
setup-again-link = start again
setup-code-hint = The six digits that your authenticator app shows.
setup-button = Confirm

codes-title = Save your recovery codes
codes-text = If you lose your phone, you can sign in with one of these codes. Each code works once.
codes-once = You can't see them again. Save them in a password manager, or print this page.
codes-saved = I've saved them

request-recovery-title = Reset your password
request-recovery-intro = Enter your email. We'll send you a link to set a new password.
recovery-sent-to = If an account uses { $email }, we've sent it an email. Open the link in it to set a new password.
recovery-sent = If an account uses that address, we've sent it an email. Open the link in it to set a new password.
recovery-sent-again = If an account uses this address, we've sent the email again.
recover-title = Set a new password
recover-text = { $name ->
    [0] You'll be signed out on all devices.
   *[other] For { $name }. You'll be signed out on all devices.
}
recover-button = Set password

undo-email-change-title = Undo the email change
undo-email-change-heading = Didn't make this change?
undo-email-change-text = Someone changed the email address of your account, or asked to. If it wasn't you, you can restore this address.
undo-email-change-effects = If you restore your account, you'll be signed out on all devices, and your current password will no longer work. Authenticator apps and recovery codes that were added after the change, or within three days before it, will be removed. We'll email you a link to set a new password.
undo-email-change-button = Restore my account

undo-factors-title = Remove two-factor sign-in
undo-factors-heading = Remove the authenticator apps?
undo-factors-text = Someone turned on two-factor sign-in for your account. If it wasn't you, you can get the account back.
undo-factors-effects = This removes all authenticator apps and recovery codes, signs you out on all devices and disables your current password. A change of the email address that isn't confirmed yet is cancelled. We'll email you a link to set a new password.
undo-factors-button = Restore my account

## Pages: the console, for admins

console-title = Admin console
console-open = Open the admin console
console-section = { $name ->
    [overview] Overview
    [invitations] Invitations
    [users] Users
    [outbox] Outbox
    [keys] Signing keys
    [health] Health
    [settings] Settings
   *[audit] Audit log
}

console-attention = What needs attention
console-all-well = Nothing. Everything is fine.
# $count is a number of emails or servers.
console-alert = { $name ->
    [mails-failed] Emails that could not be sent: { $count }
    [mails-waiting] Emails waiting to be sent: { $count }. Check the mail server.
    [servers-overdue] Servers that have not reported for three minutes or more: { $count }
    [seal-broken] The audit log was changed after it was written. Verify it.
   *[unsealed] The newest entries of the audit log are not sealed. Check the log of the server.
}
console-without-factor = { $name ->
    [0] An admin has no two-factor sign-in
   *[other] { $name } is an admin without two-factor sign-in
}
console-to-be-deleted = { $name ->
    [0] An account will be deleted
   *[other] The account of { $name } will be deleted
}
console-next = What comes next
console-first-run = You are the only user so far.
console-next-sign-up = Sign up a first user, in another browser
console-next-invite = Invite a first user
console-next-brand = Set your name, colour and logo with `brand.name`, `brand.accent` and `brand.logo`.
console-next-mail = Emails stay in the built-in inbox. To send them, set `mail.url`.
console-next-health = Check the installation
console-newest = Newest users
console-all-users = All users

console-search = Search
console-search-users = Find a user
console-search-hint = The beginning of a username, an email address, @example.com or a word of the name, or a whole user id.
console-any = Any
console-show = Show
console-show-all = Show all
console-found = Users found
console-no-users = There is no such user.
console-no-users-yet = There is no such user on this page, but more may follow.
console-more-filters = More filters
console-second-factor = Two-factor sign-in
console-has-factor = { $name ->
    [true] On
   *[false] Off
}
console-created-since = Created from (day, UTC)
console-created-until = Created to (day, UTC)
console-signed-in-since = Signed in since (day, UTC)
console-not-signed-in-since = Not signed in since (day, UTC)
console-first = First page
console-previous = Previous page
console-next-page = Next page
console-status = Status
console-status-name = { $name ->
    [active] Active
    [pending] Not confirmed
    [invited] Invited
    [disabled] Disabled
   *[deletion] Will be deleted
}
console-role-user = User
console-created = Created

console-self = This is you
console-pending-email = Address to be confirmed
console-updated = Last change
console-sign-in = Sign-in
console-last-sign-in = Last sign-in
console-failures = Failed in a row
console-failures-many = { $count } or more
console-last-failure = Last failure
console-locked-out = Locked out
console-locked-out-since = since
console-locked-out-text = Too many wrong passwords were entered. On devices where this user has not signed in before, the right password isn't accepted either, and waiting doesn't change that. It ends when the user sets a new password, or signs in on a device where they have signed in before.
console-codes-locked-out = Codes locked out
console-codes-locked-out-text = Too many wrong codes were entered. On devices where this user has not entered a code before, no code of the authenticator app is accepted, and waiting doesn't change that. It ends when the user signs in with a recovery code, or on a device where they have entered a code before. After a new password by email, five codes are accepted. If they have none of these, make sure that it is them, and remove the authenticator app.
console-failure = { $reason ->
    [wrong-password] Wrong password
    [wrong-code] Wrong code
    [email-not-confirmed] Address not confirmed
    [account-disabled] Account disabled
    [deletion-pending] The account will be deleted
   *[other] Refused
}
console-delayed = After some wrong passwords or codes in a row, each further attempt on a new device has to wait for a few seconds.
console-never = Never
console-id = User id
console-acts = What you can do
console-export = Download the data
console-data = Data, as JSON
console-data-save = Save the data
console-data-stored = Stored now
console-profile-save = Save name and language
console-data-hint = What your applications store with the user, such as a plan: a JSON object.
console-no-link = This user has no confirmed email address, so no link to set a new password can be sent. On the server, set a password:
console-sessions = Signed in on
console-no-sessions = Not signed in on any device.
console-proved = Last proof
console-expires = ends
console-method = { $name ->
    [mfa] password and code
   *[pwd] password
}
console-no-factors = Off: the password alone is enough.
console-own-factors = Change your two-factor sign-in
console-unfinished = not finished
console-by = by { $name }
console-by-actor = { $name ->
    [anonymous] by someone not signed in
    [command-line] by the operator
    [worker] by the server
   *[unknown] by unknown
}
console-in-log = Everything in the audit log

# $name is what an admin does with a user.
console-act = { $name ->
    [cancel-change] Discard the new email address
    [edit-profile] Edit the profile
    [change-email] Change the email address
    [resend-invitation] Send the invitation again
    [revoke-invitation] Revoke the invitation
    [make-admin] Make an admin
    [remove-admin] Remove the admin role
    [disable] Disable
    [enable] Enable
    [end-sessions] Sign out on all devices
    [end-session] Sign out
    [remove-factor] Remove the authenticator app
    [send-confirmation] Send the confirmation again
    [send-recovery] Send a link to set a new password
    [delete] Delete
    [delete-now] Delete at once
   *[keep-account] Keep the account
}
console-ask = { $name ->
    [resend-invitation] Send the invitation again?
    [revoke-invitation] Revoke this invitation?
    [make-admin] Make this user an admin?
    [remove-admin] Remove the admin role?
    [disable] Disable this account?
    [enable] Enable this account?
    [end-sessions] Sign out on all devices?
    [end-session] Sign out on this device?
    [remove-factor] Remove this authenticator app?
    [send-confirmation] Send the confirmation again?
    [cancel-change] Discard the new email address?
    [send-recovery] Send a link to set a new password?
    [delete] Delete this account?
    [delete-now] Delete this account at once?
   *[keep-account] Keep this account?
}
console-effects = { $name ->
    [resend-invitation] A new link replaces the previous one, for seven days. It is mailed, or shown to you if the invitation is not sent by email.
    [revoke-invitation] The link stops working, and the account, which no one has used, is deleted.
    [make-admin] Admins can see and change all users, and read the audit log.
    [remove-admin] The user keeps the account, and can no longer see or change other users.
    [disable] The user is signed out on all devices and can't sign in until the account is enabled. Links that were sent stop working, and an address that is not confirmed is removed if the user has another name to sign in with.
    [enable] The user can sign in again, with the same password. If someone else may know it, send a link to set a new one afterwards.
    [end-sessions] On every device, the password is needed again. If someone else may know it, send a link to set a new one afterwards: until the user has set it, the old one works. Links to reset the password that were sent before stop working.
    [end-session] On this device, the password is needed again.
    [remove-factor] The user is signed out and gets an email. Without another authenticator app, the password alone is enough to sign in. Make sure that the user has asked for this.
    [send-confirmation] The link goes to the address that waits for confirmation.
    [cancel-change] The link in the email stops working. An address that was confirmed before stays.
    [send-recovery] The link goes to the user's address. You never see the password. Until the user has set a new one, the old one works and no device is signed out. Authenticator apps stay. Where email doesn't arrive, set a password on the server with `doorward user set-password NAME`.
    [delete] { $days ->
        [0] The account is deleted at once and can't be restored.
        [one] The account is deleted tomorrow at this time. Until then the user can't sign in, and you or the user can keep the account. The user gets an email.
       *[other] The account is deleted in { $days } days. Until then the user can't sign in, and you or the user can keep the account. The user gets an email.
    }
    [delete-now] The account can't be restored. The audit log keeps its events, without the name and the address.
   *[keep-account] The account is not deleted. The user can sign in again, and gets an email.
}
console-done = { $name ->
    [saved] Saved.
    [change-requested] An email to confirm the new address will be sent.
    [change-cancelled] The new address is discarded.
    [invitation-sent] The invitation will be sent.
    [invitation-revoked] The invitation is revoked.
    [role-changed] The role is changed.
    [disabled] The account is disabled.
    [enabled] The account is enabled.
    [sessions-ended] All devices are signed out.
    [session-ended] The device is signed out.
    [factor-removed] The authenticator app is removed.
    [confirmation-sent] The confirmation will be sent again.
    [recovery-sent] The link will be sent.
    [deletion-requested] The account will be deleted. The user gets an email.
    [deleted] The account is deleted.
   *[kept] The account is not deleted.
}

# $event is a kind of audit event, or what it did to a role or a status. A failed one has a badge.
console-kind = { $event ->
    [sign-up] Sign-up
    [email-confirmed] Email address confirmed
    [confirmation-requested] Confirmation sent again
    [confirmation-cancelled] Confirmation cancelled
    [sign-in] Sign-in
    [second-factor-requested] Password correct, code requested
    [sign-out] Sign-out
    [token-reuse] Old token used, session ended
    [sessions-revoked] Devices signed out
    [password-changed] Password changed
    [password-set] Password set by the operator
    [recovery-requested] Recovery requested
    [recovery-mailed] Recovery email sent
    [recovered] Password reset by email
    [factor-added] Authenticator app added
    [factor-removed] Authenticator app removed
    [factors-undone] Two-factor sign-in turned off by email
    [recovery-codes-renewed] New recovery codes
    [recovery-code-used] Recovery code used
    [email-change-requested] Change of the address requested
    [email-change-undone] Change of the address undone
    [profile-updated] Profile changed
    [role-changed] Role changed
    [made-admin] Made an admin
    [admin-removed] Admin role removed
    [status-changed] Account disabled or enabled
    [disabled] Account disabled
    [enabled] Account enabled
    [deletion-requested] Deletion requested
    [deletion-cancelled] Deletion cancelled
    [user-deleted] Account deleted
    [invited] Invited
    [invitation-accepted] Invitation accepted
    [invitation-revoked] Invitation revoked
    [sign-up-expired] Sign-up or invitation expired
    [sign-up-superseded] Sign-up deleted, address confirmed by another user
    [forbidden] Forbidden action attempted
    [key-rotated] Signing key created
    [key-revoked] Signing key revoked
    [user-exported] Data of a user downloaded
    [mail-sent] Email sent
    [mail-failed] Email could not be sent
    [outbox-listed] Queued emails listed
    [mail-viewed] Queued email viewed
    [mail-retried] Queued email tried again
    [mail-deleted] Queued email deleted
    [test-mail-requested] Test email requested
    [session-evicted] Oldest device signed out, too many
    [throttled] Too many attempts
    [user-viewed] User viewed
    [sessions-listed] Devices of a user viewed
    [users-listed] Users listed
    [audit-read] Audit log read
    [audit-exported] Audit log exported
    [users-exported] Users exported with password hashes
    [backup-taken] Backup made
    [server-started] Server started
    [events-suppressed] Many events of one kind, only counted
    [seal-broken] Audit log changed after it was written
    [unreadable] Unreadable entry
   *[other] Event of a newer version
}
console-actor-name = { $name ->
    [anonymous] someone not signed in
    [command-line] the operator
    [worker] the server
   *[unknown] unknown
}
console-change-email-text = The new address gets a link to confirm it; until then the old one stays. The old address gets an email about it. The user can't undo the change.
console-reason = Reason
console-reason-none = No reason
console-reason-hint = For the audit log. The user does not see it.
console-reason-name = { $reason ->
    [abuse] Abuse
    [compromised] Someone else may know the password
    [left] The user has left
    [requested] The user has asked for it
   *[other] Another reason
}

console-invite = Invite a user
console-invite-text = The user accepts with a link and chooses a password. The link is valid for seven days.
console-invite-username-hint = Needed if there is no email address, or if the link is shown to you.
console-invite-role-hint = Admins can see and change all users.
console-no-language = Not chosen
console-language-hint = For emails and pages.
console-invite-language-hint = For emails and pages. If it is not chosen, the email is in your language, and the pages are in that of the user's browser.
console-invite-delivery = Delivery of the link
console-invite-by-mail = By email
console-invite-by-link = Show it to me
console-invite-delivery-hint = Show it where there is no email: you pass it on, and the address stays unconfirmed. Without an address it is always shown.
console-invite-button = Invite
console-invite-next = Invite another user
console-invite-several = Invite several users
console-invite-one = Invite one user, with a name
console-people = Users, one per line
console-people-hint = At most 20. A username, an email address, or both, such as ben ben@example.com. A user whose link is shown to you needs a username.
console-invite-by-default = By email, or else shown to me
console-results = Results
console-all-invited = All users are invited.
console-links-text = Give each link only to the user it is for, and copy them before you go on.
console-links-once = They are shown only now.
console-invite-again = Correct and send again
console-links-stay = The next results open in a new tab, so that the links above stay here.
console-invite-others = Invite other users
console-link-title = Link of the invitation
console-link-text = Give this link only to the user it is for.
console-link-once = It is shown only now.
console-invitations = { $status ->
    [pending] Waiting to be accepted
    [accepted] Accepted
   *[expired] Expired
}
console-delivery = { $delivery ->
    [mail] By email
   *[link] Link shown
}
console-send-again = Send again
console-revoke = Revoke
console-no-invitations = There is no such invitation.

console-user-mails = Emails not sent yet
console-no-user-mails = None.
console-sent-mails = Emails that were sent
console-outbox-intro = Emails that the mail server has not accepted yet. What it has accepted is no longer here.
console-test-mail = Send a test email to me
console-no-test-mail = To send yourself a test email, you need a confirmed email address.
console-mails = { $status ->
    [all] All
    [waiting] Waiting
    [failing] Failing
   *[given-up] Failed permanently
}
console-mail-status = { $status ->
    [waiting] waiting
    [failing] failing
   *[given-up] failed permanently
}
console-being-sent = being sent
console-attempts = { $count ->
    [0] not tried yet
    [one] tried once
   *[other] tried { $count } times
}
console-next-attempt = next try
console-given-up = failed permanently
console-no-mails = There is no such email.
console-no-mails-at-all = No email is waiting to be sent, and none has failed.
console-retry = Try again now
console-delete-mail = Delete the email
console-delete-mail-ask = Delete this email?
console-delete-mail-effects = It is not sent. If it is being sent at this moment, it may still arrive.
console-preview = What it says
console-preview-text = As it would be sent now. Its link does not work.
console-no-preview = It would not be sent now: it no longer has a recipient, or is replaced by others.
console-mail-done = { $name ->
    [tested] The test email will be sent. If it stays here, its error is below.
    [retried] The email is tried again. Reload this page to see the result: what the mail server has accepted is no longer listed.
   *[deleted] The email is deleted.
}
console-mail = { $kind ->
    [sign-up] Confirm the address of a sign-up
    [confirmation-resend] Confirmation, sent again
    [already-registered] Sign-up with a known address
    [invitation] Invitation
    [recovery] Reset the password
    [password-changed] Password changed
    [first-factor-added] Two-factor sign-in turned on
    [factor-added] Authenticator app added
    [factor-removed] Authenticator app removed
    [recovery-codes-renewed] New recovery codes
    [recovery-code-used] Recovery code used
    [recovery-codes-low] Few recovery codes left
    [email-change] Confirm a new address
    [email-change-notice] Address change requested
    [email-change-undo] Undo an address change
    [email-changed] Address changed
    [email-change-undone] Address change undone
    [deletion-requested] Deletion requested
    [deletion-reminder] Deletion soon
    [deletion-cancelled] Deletion cancelled
    [new-sign-in] Sign-in on a new device
    [sign-in-after-failures] Sign-in after failed attempts
    [lockout] Too many wrong passwords
    [code-lockout] Too many wrong codes
    [test] Test email
   *[other] Email
}
console-totals = { $unit ->
    [hour] Last 24 hours
    [day] Last 30 days
   *[month] Last 12 months
}
console-total = { $kind ->
    [sign-ups] Sign-ups
    [sign-ins] Sign-ins
    [failures] Refused sign-ins and password changes
    [mails] Emails sent
   *[throttled] Throttled requests
}
# $count is the highest number of all hours, days or months.
console-highest = { $unit ->
    [hour] busiest hour: { $count }
    [day] busiest day: { $count }
   *[month] busiest month: { $count }
}
console-plot-day = { $day } { month }
console-as-table = As a table
console-starts-at = { $unit ->
    [hour] Hour
    [day] Day (UTC)
   *[month] Month (UTC)
}

console-keys-list = Keys, newest first
console-keys-intro = The newest key signs sessions, and ten minutes later also the tokens for other services. A replaced key verifies what it has signed, until that has expired.
console-keys-next = The next key is created on
console-key-signs-sessions = signs sessions
console-key-signs-tokens = signs tokens
console-key-verifies = verifies only
console-key-age = { $days ->
    [0] less than a day old
    [one] a day old
   *[other] { $days } days old
}
console-key-until = replaced; verifies until
console-keys-commands = If a key may be known to others, run `doorward keys revoke` on the server: replacing it is not enough. If the master key is lost, run `doorward keys rotate` there.
console-rotate = Create a new key
console-rotate-ask = Create a new signing key?
console-rotate-effects = Sessions are signed with it at once, tokens for other services in ten minutes, when these have loaded it. No one is signed out.
console-keys-rotated = The new key signs sessions now.

console-version = This server runs Doorward { $version }.
console-starts = When servers started
console-nodes = Servers
console-nodes-intro = Each reports once a minute. One that was killed is listed for another hour.
console-nodes-warning = { $name ->
    [overdue] A server has not reported for three minutes or more: it was killed, or cannot reach the database.
   *[versions] Servers run different versions: an upgrade is under way.
}
console-node-runs = runs
console-node-overdue = not seen
console-node-this = this server
console-node-started = started
console-node-seen = last seen
console-no-nodes = No server has reported yet. Functions of AWS Lambda do not report.
console-checks = Checks of this server
console-check-status = { $status ->
    [passed] passed
    [warning] warning
   *[failed] failed
}
console-no-checks = This server cannot check itself. Run `doorward doctor` with its settings.

console-settings-general = general
console-settings-intro = The settings of this server, as it was started. They are changed in its configuration file or its environment.
console-settings-all = All settings
console-settings-changed = Settings that differ from their default
console-no-settings = No setting differs from its default.
console-changed = changed
console-origin = from
console-origin-line = line { $line }

console-user = User
console-user-hint = A name, a username, an email address or a user id. A sign-in is an event of its user, and has no one who caused it.
console-several-users = Several users found. Choose one.
console-more-found = All users found
console-event = Event
console-since = From (day, UTC)
console-until = To (day, UTC)
console-failed = failed
console-outcome = Outcome
console-outcome-name = { $outcome ->
    [success] succeeded
   *[failure] failed
}
console-actor = By
console-caused-by = Caused by
console-detail = Detail
console-request = Request id
console-views = Show what admins viewed
console-no-events = There is no such event.
console-no-events-yet = There is no such event on this page, but more may follow.
console-network = Address or network
console-network-hint = An IP address, or a network such as 203.0.113.0/24.
console-download-events = Download as NDJSON
console-verified = Last verification
console-verified-events = { $count ->
    [one] One event verified; no change was found.
   *[other] { $count } events verified; no change was found.
}
console-verified-finding = Finding:
console-not-verified = The log has not been verified yet. Run `doorward audit verify`.

## The page of a problem, by $code. /problems/CODE is for developers.

problem-title = { $code ->
    [malformed-request] We couldn't read that request
    [invalid-credentials] Wrong email, username or password
    [wrong-password] Wrong password
    [unknown-account] Account not found
    [authentication-required] Sign in to continue
    [invalid-token] You've been signed out
    [email-unconfirmed] Your email address isn't confirmed yet
    [account-disabled] This account is disabled
    [deletion-pending] This account will be deleted
    [forbidden] You don't have access to this page
    [sign-up-closed] Sign-up is closed
    [invitation-required] You need an invitation
    [invalid-code] Wrong code
    [challenge-expired] That took too long, or there were too many wrong codes
    [reauthentication-required] Confirm that it's you
    [cross-site-request] We couldn't submit this form
    [https-required] Secure connection required
    [not-found] Page not found
    [link-incomplete] This link is incomplete
    [method-not-allowed] This page can't do that
    [request-timeout] That took too long
    [username-taken] This username is taken
    [email-taken] An account with this email address already exists
    [last-admin] The last admin can't be removed
    [link-expired] This link no longer works
    [precondition-failed] This has changed in the meantime
    [body-too-large] That was too much data
    [unsupported-media-type] We couldn't read that request
    [validation-failed] Something isn't right
    [precondition-required] This may have changed in the meantime
    [too-many-attempts] Too many attempts
    [not-acceptable] Nothing to show
    [uri-too-long] This address is too long
    [headers-too-large] Your browser sent too much data
    [internal-error] Something went wrong
    [overloaded] We're very busy right now
    [store-unavailable] Temporarily unavailable
    [outcome-unknown] We don't know whether this was saved
    [stopping] The service is restarting
   *[other] { $title }
}
problem-help = { $code ->
    [malformed-request] Go back, reload the page and try again.
    [invalid-credentials] Try again, or reset your password.
    [wrong-password] Try again, or reset your password.
    [unknown-account] Check the name, or create an account.
    [authentication-required] You need to be signed in to see this page.
    [invalid-token] Sign in again to continue.
    [email-unconfirmed] Open the link in the email we sent you.
    [account-disabled] Contact support.
    [deletion-pending] To keep the account, enter your password on the sign-in page, or open the link in the email about the deletion.
    [forbidden] Sign in with an account that has access.
    [sign-up-closed] Ask the people who run this service for an account.
    [invitation-required] If you have an invitation, open the link in it. If not, ask the people who run this service.
    [invalid-code] Each code works once. Wait for the next code, then try again.
    [challenge-expired] Sign in again, with your password first.
    [reauthentication-required] Sign in again, with a code too if you use two-factor sign-in. Then try again.
    [cross-site-request] For your safety, nothing was changed. Open the page on this site and try again.
    [https-required] Use the address that starts with https://.
    [not-found] Check the address, or go to the start page.
    [link-incomplete] A part of it is missing. Copy the whole link from the email into your browser.
    [method-not-allowed] Go to the start page and try again.
    [request-timeout] Check your connection and try again.
    [username-taken] Go back and choose another one.
    [email-taken] Sign in instead.
    [last-admin] Make another user an admin first.
    [precondition-failed] Go back, reload the page and try again.
    [body-too-large] Send less at once.
    [unsupported-media-type] Go back, reload the page and try again.
    [validation-failed] Go back, check your details and try again.
    [precondition-required] Go back, reload the page and try again.
    [too-many-attempts] Wait a moment, then try again.
    [not-acceptable] Go back and try again in another browser.
    [uri-too-long] Go back, or go to the start page.
    [headers-too-large] Delete the cookies for this site and try again.
    [internal-error] It's not your fault. If it happens again, contact support and give them the request id below.
    [overloaded] Nothing was changed. Try again in a moment.
    [store-unavailable] Try again in a moment.
    [outcome-unknown] Go back and check before you try again.
    [stopping] Try again in a moment.
   *[other] { $help }
}
problem-wait = Try again in { $wait }.
# $link is the purpose of a mailed link.
link-expired = { $link ->
    [email-undo] It was already used, or is too old. If you have undone the change, set a new password with the email that we sent you then. If not, contact support.
    [factor-undo] It was already used, or is too old. If you have removed the authenticator apps with it, set a new password with the email that we sent you then. If not, contact support.
    [deletion-undo] It was already used, or the account is deleted. If you have kept your account, you can sign in.
    [invitation] It was already used, replaced by a newer one, withdrawn, or is too old. If you have accepted the invitation, you can sign in. If not, ask the person who invited you for a new one.
    [confirmation] It was already used, replaced by a newer one, or is too old. If you have confirmed your address with it, sign in. If you chose "This wasn't me", there is nothing else you need to do.
   *[other] It was already used, replaced by a newer one, or is too old. You can request a new one.
}
problem-new-link = Get a new link
problem-reset-password = Reset your password
problem-code = Error code:
problem-request = Request id:
