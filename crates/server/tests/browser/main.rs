//! The pages as users see them: the binary, with Debian's Chromium and Playwright.
//!
//! Few tests, each a whole journey; `it` tests single requests and responses. They are written for Node.js: a test is the
//! function with its name in the module's `.mjs` file, and has a line here. To add a page: add a step to a walk in
//! `walks.mjs`, which `pages` and `matrix` take. A failure prints the URL and the text of the page, and saves a picture in
//! `target/browser/failures`.

#![cfg(test)]

/// Lists the tests of a module.
macro_rules! tests {
    ($module:ident { $($(#[$comment:meta])* fn $name:ident();)+ }) => {
        mod $module {
            const MODULE: &str = concat!("crates/server/tests/browser/", stringify!($module), ".mjs");
            $($(#[$comment])* #[test] fn $name() { doorward_testkit::browser::run(MODULE, stringify!($name), &[]); })+
        }
    };
}

tests!(journeys {
    fn a_user_signs_up_confirms_and_is_signed_in_changes_the_password_and_signs_out_without_scripts();
    fn a_user_signs_up_confirms_and_is_signed_in_changes_the_password_and_signs_out_with_scripts();
    /// The redirects after a form stay on the host that the browser uses: `form-action 'self'` blocks any other one, also
    /// that of `public_url`.
    fn a_user_signs_in_and_out_at_an_ip_address();
    fn cancelling_the_confirmation_deletes_the_account();
    fn a_lost_password_is_replaced_by_an_acceptable_one();
    fn a_rejected_sign_up_shows_the_form_with_its_values();
    /// A required second factor is added at the first sign-in; then the sign-in has two steps, and returns to the page
    /// that asked for it.
    fn a_second_factor_is_added_and_used_without_scripts();
    fn a_user_changes_everything_in_the_account_area_without_scripts();
    fn a_user_deletes_the_account_and_keeps_it_by_signing_in();
    fn a_first_app_and_a_change_of_the_address_are_undone_without_scripts();
    /// With a role, a status, sessions and the audit log, on a phone.
    fn an_admin_finds_a_user_and_acts_in_the_console_without_scripts();
    fn an_admin_makes_another_one_by_keyboard_alone_and_sees_who_did_it();
    /// On a phone, with an invitation that an admin has sent with the API.
    fn an_invited_user_chooses_a_password_and_is_signed_in_without_scripts();
});

// For each page see `page_checks.mjs`. The console has no errors and no CSP report.
tests!(pages {
    /// W-01, P-11, WCAG 2.2.
    fn every_page_passes_the_checks_on_a_phone_in_both_color_schemes_and_by_keyboard();
    fn every_page_for_developers_passes_the_checks();
    fn every_page_of_second_factors_passes_the_checks();
    fn every_page_of_the_console_passes_the_checks_on_a_phone_in_both_color_schemes_and_by_keyboard();
    fn pages_with_a_pale_brand_pass_the_checks();
    fn on_a_phone_a_long_brand_fits_and_what_needs_doing_comes_before_the_sections();
    fn a_page_with_faults_fails_the_checks();
    /// Compressed, 5 KiB for the stylesheet and 3 KiB for the script; with them, 30 KiB without compression.
    fn the_first_page_is_small();
});

tests!(scripts {
    /// P-11: the button shows the password, says what it does next, and never submits the password as text.
    fn a_password_can_be_shown_and_hidden();
    /// W-01: without JavaScript nothing is missing, and every control works.
    fn without_scripts_there_is_no_button_to_show_the_password();
    /// The button of a form says that it was sent, cannot be pressed again, and is restored when the user returns or
    /// stops the page that loads, and after ten seconds.
    fn a_form_is_sent_once();
    fn times_are_in_the_time_zone_of_the_reader();
    /// They are counted by the days of UTC.
    fn the_days_of_the_totals_are_in_utc_in_any_time_zone();
    fn the_menu_closes_with_escape_and_with_a_click_beside_it();
    fn recovery_codes_can_be_copied_printed_and_downloaded();
    /// The list is loaded again without leaving the page. A mail is in a frame without scripts.
    fn the_inbox_is_refreshed_in_place_and_shows_a_mail_in_a_frame();
    /// Without a script, since browsers open the `details` around the target of a link.
    fn a_link_to_an_operation_of_the_api_reference_opens_it();
    /// W-01: without JavaScript there is no field to filter by, and the page is complete.
    fn the_operations_of_the_api_reference_can_be_filtered_and_their_commands_copied();
    fn on_ones_own_machine_the_api_reference_sends_requests_with_the_token_of_its_sign_in();
    /// H-09: a script of a listed origin reads what it requests with a token, and nothing with the cookie. One of another
    /// origin reads nothing.
    fn a_script_of_a_listed_origin_reads_responses_only_with_a_token();
});

// Every state at every width and in each language, with pictures: `cargo xtask verify`.
tests!(matrix {
    fn every_state_passes_the_checks_in_english();
    fn every_state_passes_the_checks_in_german();
});

tests!(pictures {
    #[ignore = "writes docs/images: cargo xtask screenshots"]
    fn the_pictures_of_the_readme_are_taken();
});
