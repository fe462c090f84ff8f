//! Whether the release is served as it should be.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::site::{
    Expected, Looked, Put, SiteStep, assets, judge_asset, judge_page, order, paths,
};
use lockstep_aws::{HttpAnswer, HttpGet, pause};

use crate::permit::Permit;

/// How often the page is asked for: a connection can break.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);
/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many scripts and styles are asked for.
const ASSETS: usize = 20;
const AT_ONCE: usize = 10;

/// Asks for the page and for what it names, again while there is time for it.
///
/// # Errors
/// [`PhaseError::Unhealthy`] with everything that is wrong.
pub(crate) async fn served(
    http: &HttpGet,
    step: &SiteStep,
    seen: &Looked,
    permit: &Permit,
) -> Result<(), PhaseError> {
    let mut attempt = 1;
    loop {
        let faults = faults(http, step, seen).await;
        if faults.is_empty() {
            return Ok(());
        }
        if attempt == ATTEMPTS || permit.is_over() {
            let signal = format!("{}: {}", step.resource(), faults.join("; "));
            return Err(PhaseError::Unhealthy { signal });
        }
        tracing::info!(attempt, "not served as it should be: {}", faults.join("; "));
        attempt += 1;
        pause(PAUSE).await;
    }
}

/// What was done, for people.
pub(crate) fn summary(step: &SiteStep, seen: &Looked) -> String {
    let Some(inventory) = &seen.inventory else {
        return format!("serves {}", step.after_label());
    };
    let before = seen.before.as_ref();
    let nothing = std::collections::BTreeSet::new();
    let puts = order(&step.scope, inventory, before, &nothing);
    let sent = puts
        .iter()
        .filter(|(_, _, put)| *put == Put::Upload)
        .count();
    let all = inventory.files.len();
    let forgotten = paths(before, inventory, &step.invalidate);
    let forgotten = match forgotten.as_slice() {
        [] => "CloudFront had nothing to forget".to_owned(),
        [one] => format!("CloudFront forgot {one}"),
        many => format!("CloudFront forgot {} paths", many.len()),
    };
    format!(
        "serves {}: {sent} of {all} files are new; {forgotten}",
        step.after_label()
    )
}

async fn faults(http: &HttpGet, step: &SiteStep, seen: &Looked) -> Vec<String> {
    let page = match http.get(&step.check, TIMEOUT).await {
        Ok(page) => page,
        Err(failure) => return vec![format!("GET {}: {failure}", step.check)],
    };
    if let Some(fault) = judge_page(page.status, &page.content_type) {
        return vec![format!("GET {}: {fault}", step.check)];
    }
    let html = String::from_utf8_lossy(&page.body);
    let found = assets(&html, &step.check).into_iter().take(ASSETS);
    let asked = stream::iter(found).map(async |address| {
        let answer = http.get(&address, TIMEOUT).await;
        let answer = answer.map_err(|failure| failure.to_string());
        fault_of(&expected(&address, seen), answer).map(|it| format!("GET {address}: {it}"))
    });
    let faults: Vec<_> = asked.buffered(AT_ONCE).collect().await;
    faults.into_iter().flatten().collect()
}

fn fault_of(expected: &Expected, answer: Result<HttpAnswer, String>) -> Option<String> {
    match answer {
        Ok(answer) => judge_asset(expected, answer.status, &answer.content_type),
        Err(failure) => Some(failure),
    }
}

/// What the release says of an address.
fn expected(address: &str, seen: &Looked) -> Expected {
    let path = address.split("://").nth(1);
    let path = path.and_then(|it| it.split_once('/')).map(|(_, path)| path);
    let path = path.unwrap_or_default().split('?').next();
    let inventory = seen.inventory.as_ref();
    let file = inventory.and_then(|it| it.get(path.unwrap_or_default()));
    file.map_or(Expected::NoPage, |file| {
        Expected::Type(file.content_type.clone())
    })
}
