//! The first page of the console, with what needs attention and where to go next, and the pages of the health and the settings.

use std::cmp::Reverse;

use axum::http::Uri;
use axum::response::Html;
use doorward_domain::audit::Unsealed;
use doorward_domain::diagnostics::{CheckStatus, Diagnostic};
use doorward_domain::model::{Node, User};
use doorward_domain::outbox::OutboxStats;
use jiff::{SignedDuration, Timestamp};
use minijinja::{Value, context};

use crate::app::ShownSetting;
use crate::html::console::{AdminCaller, ConsoleSection, user_row};
use crate::html::dates::moment;
use crate::http::paging::Query;
use crate::http::problem::Problem;
use crate::totals::api::take_unit;
use crate::totals::console::plots;

/// Audit events are late after this time: the worker runs every few seconds.
const LATE: SignedDuration = SignedDuration::from_mins(10);
/// So are mails, of which the mail server rejected the first attempts.
const MAIL_LATE: SignedDuration = SignedDuration::from_mins(2);

/// What needs attention, and the newest users. Before anyone has signed up: what comes next.
pub(crate) async fn dashboard(caller: AdminCaller, uri: Uri) -> Result<Html<String>, Problem> {
    let mut query = Query::parse(uri.query())?;
    let unit = take_unit(&mut query);
    query.finish()?;
    let (ctx, doorward) = (&caller.ctx, caller.doorward());
    let users = doorward.overview.attention(ctx).await?;
    let mails = doorward.outbox.stats().await?;
    let unsealed = doorward.audit_chain.unsealed().await?;
    let nodes = doorward.nodes.list(ctx).await?;
    let deletion = |user: &User| {
        let at = user.deletion.map(|deletion| moment(deletion.at));
        context! { user => user_row(user), at }
    };
    let values = context! {
        alerts => alerts(ctx.now, &mails, &unsealed, &nodes, users.broken_at),
        deletions => users.deletions.iter().map(deletion).collect::<Vec<_>>(),
        admins => users.admins_without_factor.iter().map(user_row).collect::<Vec<_>>(),
        newest => users.newest.iter().map(user_row).collect::<Vec<_>>(),
        plots => plots(&caller, unit).await?,
        has_brand_name => caller.app.brand.has_name(),
        is_first_run => users.newest.len() <= 1,
    };
    Ok(caller.render(ConsoleSection::Overview, "console/overview", values))
}

/// All settings with their values and origins; with `changed`, those that are not the default. Secrets are masked.
pub(crate) async fn settings_page(caller: AdminCaller, uri: Uri) -> Result<Html<String>, Problem> {
    let mut query = Query::parse(uri.query())?;
    let is_changed_only = query.flag("changed");
    query.finish()?;
    let settings = caller.app.options.settings.iter();
    let settings = settings.filter(|setting| setting.is_changed || !is_changed_only);
    let row = |setting: &ShownSetting| {
        let origin = setting.origin.as_deref();
        // In a file, as in `doorward.toml line 1`.
        let in_file = origin.and_then(|origin| origin.rsplit_once(" line "));
        context! {
            key => setting.key,
            help => setting.help,
            value => Some(&setting.value).filter(|value| !value.is_empty()),
            origin => in_file.map(|(file, _)| file).or(origin),
            line => in_file.map(|(_, line)| line),
            is_changed => setting.is_changed,
        }
    };
    // By the section of the configuration file, as `mail` of `mail.url`; those without one come first.
    let mut groups: Vec<(&str, Vec<Value>)> = vec![("", Vec::new())];
    for setting in settings {
        let section = setting.key.split_once('.');
        let section = section.map_or("", |(section, _)| section);
        match groups.iter_mut().find(|(name, _)| *name == section) {
            Some((_, rows)) => rows.push(row(setting)),
            None => groups.push((section, vec![row(setting)])),
        }
    }
    groups.retain(|(_, rows)| !rows.is_empty());
    let group = |(name, settings): (&str, Vec<Value>)| context! { name, settings };
    let groups: Vec<Value> = groups.into_iter().map(group).collect();
    let values = context! { groups, is_changed_only };
    Ok(caller.render(ConsoleSection::Settings, "console/settings", values))
}

/// The nodes, and the checks of `doorward doctor` with their remedies: what failed comes first.
pub(crate) async fn health(caller: AdminCaller) -> Result<Html<String>, Problem> {
    let (now, doorward) = (caller.ctx.now, caller.doorward());
    let nodes = doorward.nodes.list(&caller.ctx).await?;
    let node = |node: &Node| {
        context! {
            name => &node.name,
            version => &node.version,
            started => moment(node.started_at),
            seen => moment(node.seen_at),
            is_overdue => node.is_overdue(now),
            is_this => caller.is_answered_by(node),
        }
    };
    let mut checks = match &caller.app.diagnose {
        Some(diagnose) => diagnose().await,
        None => Vec::new(),
    };
    checks.sort_by_key(|check| Reverse(check.status));
    let row = |check: &Diagnostic| {
        let status = match check.status {
            CheckStatus::Passed => "passed",
            CheckStatus::Warning => "warning",
            CheckStatus::Failed => "failed",
        };
        context! { name => check.check, status, message => &check.message, hint => check.hint.as_deref() }
    };
    let values = context! {
        nodes => nodes.iter().map(node).collect::<Vec<_>>(),
        warnings => warnings(now, &nodes),
        checks => checks.iter().map(row).collect::<Vec<_>>(),
        version => env!("CARGO_PKG_VERSION"),
    };
    Ok(caller.render(ConsoleSection::Health, "console/health", values))
}

/// Variants of the message `console-nodes-warning`.
fn warnings(now: Timestamp, nodes: &[Node]) -> Vec<&'static str> {
    // One that was stopped for an upgrade without deleting its record has the previous version.
    let running = nodes.iter().filter(|node| !node.is_overdue(now));
    let running: Vec<&Node> = running.collect();
    let have_versions = running
        .windows(2)
        .any(|pair| pair[0].version != pair[1].version);
    let is_one_overdue = running.len() < nodes.len();
    let overdue = is_one_overdue.then_some("overdue");
    let versions = have_versions.then_some("versions");
    overdue.into_iter().chain(versions).collect()
}

/// Variants of the message `console-alert` with the path of the page that shows more, the number and the time.
fn alerts(
    now: Timestamp,
    mails: &OutboxStats,
    unsealed: &Unsealed,
    nodes: &[Node],
    broken: Option<Timestamp>,
) -> Vec<Value> {
    let is_late = |limit| move |at: &Timestamp| now.duration_since(*at) > limit;
    let failed = Some(mails.failed).filter(|failed| *failed > 0);
    let waiting = mails.oldest_at.filter(is_late(MAIL_LATE));
    let unsealed = unsealed.oldest.filter(is_late(LATE));
    let alert = |name: &str, path: Option<&str>, count: u64, at: Option<Timestamp>| {
        context! { name, path, count, at => at.map(moment) }
    };
    let failed = failed.map(|count| {
        let path = Some("/admin/outbox?status=given-up");
        alert("mails-failed", path, count, None)
    });
    let waiting = waiting.map(|at| {
        let path = Some("/admin/outbox");
        alert("mails-waiting", path, mails.waiting, Some(at))
    });
    let unsealed = unsealed.map(|at| alert("unsealed", None, 0, Some(at)));
    let broken = broken.map(|at| {
        let path = Some("/admin/audit?event=seal-broken");
        alert("seal-broken", path, 0, Some(at))
    });
    let overdue = nodes.iter().filter(|node| node.is_overdue(now)).count();
    let overdue = u64::try_from(overdue).ok().filter(|count| *count > 0);
    let overdue = overdue.map(|count| {
        let path = Some(ConsoleSection::Health.path());
        alert("servers-overdue", path, count, None)
    });
    [broken, failed, waiting, overdue, unsealed]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_or_has_failed_is_an_alert() {
        let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let mails = |waiting, oldest_at, failed| OutboxStats {
            waiting,
            oldest_at,
            due_at: oldest_at,
            failed,
        };
        let (fresh, old) = (
            now - SignedDuration::from_mins(9),
            now - SignedDuration::from_mins(11),
        );
        let unsealed = |at| Unsealed {
            count: 1,
            oldest: Some(at),
        };
        let names = |alerts: Vec<Value>| {
            let names = alerts
                .iter()
                .map(|alert| alert.get_attr("name").unwrap().to_string());
            names.collect::<Vec<_>>().join(" ")
        };
        let node = |seen_at| Node {
            name: "one".to_owned(),
            version: "0.1.0".to_owned(),
            started_at: old,
            seen_at,
        };
        let seen = [node(now)];
        let found = alerts(
            now,
            &mails(1, Some(now - SignedDuration::from_secs(119)), 0),
            &unsealed(fresh),
            &seen,
            None,
        );
        assert_eq!(names(found), "");
        let seen = [node(old), node(now)];
        let found = alerts(
            now,
            &mails(1, Some(now - SignedDuration::from_secs(121)), 2),
            &unsealed(old),
            &seen,
            Some(old),
        );
        assert_eq!(
            names(found),
            "seal-broken mails-failed mails-waiting servers-overdue unsealed"
        );
    }
}
