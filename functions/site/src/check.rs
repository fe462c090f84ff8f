//! Whether the release is served as it should be.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use lockstep::PhaseError;
use lockstep::site::{
    Expected, Looked, Put, Served, SiteStep, assets, forgotten, judge_asset, judge_page, order,
    served_page,
};
use lockstep_aws::{HttpAnswer, HttpGet, pause};

use crate::bundle::hex_of;
use crate::permit::Permit;

/// How often the page is asked for: a connection can break.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);
/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many scripts and styles are asked for.
const ASSETS: usize = 20;
const AT_ONCE: usize = 10;

/// What a look came to.
enum Look {
    Well,
    /// The page is not yet that of the new release.
    NotYet,
    Faults(Vec<String>),
}

/// Asks for the page and for what it names, again while there is time for it. Gives what is waited
/// for, where the edge location has not heard of the release yet.
///
/// # Errors
/// [`PhaseError::Unhealthy`] with everything that is wrong.
pub(crate) async fn served(
    http: &HttpGet,
    step: &SiteStep,
    seen: &Looked,
    permit: &Permit,
) -> Result<Option<String>, PhaseError> {
    let mut attempt = 1;
    loop {
        let faults = match look(http, step, seen).await {
            Look::Well => return Ok(None),
            Look::NotYet => {
                let note = "edge locations are told of the new release".to_owned();
                return Ok(Some(note));
            }
            Look::Faults(faults) => faults,
        };
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
    let sent = match &seen.replaced {
        Some(replaced) => replaced.files.len(),
        None => puts
            .iter()
            .filter(|(_, _, put)| *put == Put::Upload)
            .count(),
    };
    let all = inventory.files.len();
    let forgotten = forgotten(step, seen, inventory);
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

async fn look(http: &HttpGet, step: &SiteStep, seen: &Looked) -> Look {
    let wrong = |fault: String| Look::Faults(vec![format!("GET {}: {fault}", step.check)]);
    let page = match http.get(&step.check, TIMEOUT).await {
        Ok(page) => page,
        Err(failure) => return wrong(failure.to_string()),
    };
    // First of all: the page of another release says nothing about this one.
    match served_page(step, seen, &step.check, &hex_of(&page.body)) {
        Served::Ours => {}
        Served::NotYet => return Look::NotYet,
        Served::Another => {
            return wrong(format!(
                "answered {} with something else than the page of the new release: does the distribution's function read \
                 this key, and put its value before the path?",
                page.status
            ));
        }
    }
    if let Some(fault) = judge_page(page.status, &page.content_type) {
        return wrong(fault);
    }
    let html = String::from_utf8_lossy(&page.body);
    let found = assets(&html, &step.check).into_iter().take(ASSETS);
    let asked = stream::iter(found).map(async |address| {
        let answer = http.get(&address, TIMEOUT).await;
        let answer = answer.map_err(|failure| failure.to_string());
        fault_of(&expected(&address, step, seen), answer).map(|it| format!("GET {address}: {it}"))
    });
    let faults: Vec<_> = asked.buffered(AT_ONCE).collect().await;
    match faults.into_iter().flatten().collect::<Vec<_>>() {
        none if none.is_empty() => Look::Well,
        faults => Look::Faults(faults),
    }
}

fn fault_of(expected: &Expected, answer: Result<HttpAnswer, String>) -> Option<String> {
    match answer {
        Ok(answer) => judge_asset(expected, answer.status, &answer.content_type),
        Err(failure) => Some(failure),
    }
}

/// What the release says of an address.
fn expected(address: &str, step: &SiteStep, seen: &Looked) -> Expected {
    let path = address.split("://").nth(1);
    let path = path.and_then(|it| it.split_once('/')).map(|(_, path)| path);
    let path = path.unwrap_or_default().split('?').next();
    let path = path.and_then(|it| it.strip_prefix(step.seen_below()));
    let inventory = seen.inventory.as_ref();
    let file = inventory.and_then(|it| it.get(path.unwrap_or_default()));
    file.map_or(Expected::NoPage, |file| {
        Expected::Type(file.content_type.clone())
    })
}
