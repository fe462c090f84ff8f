//! Whether a function still serves what a deployment left it with.

use super::live::{LastUpdate, LiveAlias, LiveFunction, State};
use super::next::{is_old, unhealthy};
use super::step::{FunctionChange, shares, short};
use crate::PhaseError;

/// Looks at a function once more after its release settled: what is invoked has the code and the
/// configuration of the deployment, it can be invoked, and nothing else has a share of it.
///
/// `live` is what the alias names, or the function itself; `alias` shows what has a share beside it.
///
/// # Errors
/// [`PhaseError::Unhealthy`] where it cannot be invoked any more, [`PhaseError::Diverged`] where
/// somebody else changed what serves.
pub fn still_serves(
    change: &FunctionChange,
    live: Option<&LiveFunction>,
    alias: Option<&LiveAlias>,
) -> Result<(), PhaseError> {
    let diverged = |expected: String, found: String| PhaseError::Diverged {
        resource: change.resource(),
        expected,
        found,
    };
    let Some(live) = live else {
        return Err(diverged(change.after_label(), "nothing".to_owned()));
    };
    if !change.is_after(live) {
        let (version, code) = (live.version_label(), short(&live.code_sha256));
        let found = if live.code_sha256 == change.code_after() {
            format!("{version} with another configuration")
        } else {
            format!("{version} with code {code}")
        };
        return Err(diverged(change.after_label(), found));
    }
    match (&live.state, &live.last_update) {
        (State::Failed(reason), _) | (_, LastUpdate::Failed(reason)) if !is_old(change, live) => {
            return Err(unhealthy(change, live, reason));
        }
        _ => {}
    }
    let shared = alias.filter(|alias| !alias.weights.is_empty());
    shared.map_or(Ok(()), |alias| {
        let command = format!(
            "aws lambda update-alias --function-name {} --name {} --routing-config AdditionalVersionWeights={{}}",
            change.function,
            change.alias.as_deref().unwrap_or_default(),
        );
        Err(diverged(
            format!("all traffic on {}", live.version_label()),
            format!(
                "{}; unless another tool is at work there, take it away with: {command}",
                shares(&alias.weights)
            ),
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::still_serves;
    use crate::lambda::testing::{Account, resolved, zip};
    use crate::lambda::{FunctionChange, LiveAlias, Next};
    use crate::manifest::FunctionConfiguration;

    fn released(aliased: bool) -> (Account, FunctionChange) {
        let mut account = Account::new('a', aliased);
        let alias = aliased.then_some("live");
        let resolved = resolved(alias, FunctionConfiguration::default());
        let change = account.plan(&resolved, Some(&zip('b'))).unwrap().unwrap();
        let end = account.run(&change, 10, false);
        assert!(matches!(end, Next::Done { .. }), "{end:?}");
        (account, change)
    }

    fn told(account: &Account, change: &FunctionChange, alias: Option<&LiveAlias>) -> String {
        let live = account.serving().unwrap_or_else(|| account.function());
        let kept = still_serves(change, Some(&live), alias);
        kept.map_or_else(
            |error| format!("{}: {error}", error.name()),
            |()| String::new(),
        )
    }

    #[test]
    fn what_was_released_still_serves() {
        for aliased in [true, false] {
            let (account, change) = released(aliased);
            assert_eq!(told(&account, &change, account.live_alias().as_ref()), "");
        }
    }

    #[test]
    fn somebody_elses_change_is_told() {
        let (mut account, change) = released(true);
        account.point("1", &[].into());
        assert_eq!(
            told(&account, &change, None),
            "Diverged: function shop-api:live was changed by someone else: \
             expected api.zip v2 (bbbbbbbbbbbb), found version 1 with code qqqqqqqqqqqq"
        );
        let (mut account, change) = released(false);
        account.set("/Configuration/MemorySize", 256);
        let text = told(&account, &change, None);
        assert!(
            text.ends_with("found $LATEST with another configuration"),
            "{text}"
        );
        let gone = still_serves(&change, None, None).unwrap_err().to_string();
        assert!(gone.ends_with("found nothing"), "{gone}");
    }

    #[test]
    fn a_share_of_the_traffic_elsewhere_is_told() {
        let (mut account, change) = released(true);
        account.point("2", &[("1".to_owned(), 0.25)].into());
        let text = told(&account, &change, account.live_alias().as_ref());
        assert_eq!(
            text,
            "Diverged: function shop-api:live was changed by someone else: expected all traffic on version 2, found 25 % of \
             it on version 1; unless another tool is at work there, take it away with: aws lambda update-alias \
             --function-name shop-api --name live --routing-config AdditionalVersionWeights={}"
        );
    }

    #[test]
    fn a_function_that_cannot_be_invoked_any_more_is_unhealthy() {
        let (mut account, change) = released(false);
        account.set("/Configuration/State", "Failed");
        let text = told(&account, &change, None);
        assert!(
            text.starts_with("Unhealthy: function shop-api: the update failed"),
            "{text}"
        );
    }
}
