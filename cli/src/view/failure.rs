//! Errors, in the same form everywhere.

use lockstep::manifest::ManifestError;
use serde::Serialize;

use crate::error::CliError;

/// `error: …`, and below it what to do.
pub fn text(error: &CliError) -> String {
    let message = match error {
        // Each fault has a form of its own that begins with `error:`.
        CliError::Manifest(_) => error.to_string(),
        _ => format!("error: {error}"),
    };
    match error.help() {
        Some(help) => format!("{message}\n  help: {help}"),
        None => message,
    }
}

/// What `--json` prints on standard error.
#[derive(Debug, Serialize)]
struct Failure<'a> {
    error: Body<'a>,
}

#[derive(Debug, Serialize)]
struct Body<'a> {
    /// `invalid`, `manifest`, `not_deployed`, `aws`, `ledger`, `local_engine`, `io` or `failed`.
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// What is wrong with the manifest, each with its place.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    faults: &'a [ManifestError],
}

/// The same in fields: `{"error": {"kind", "message", "help"?, "faults"?}}`.
pub fn json(error: &CliError) -> String {
    let (faults, message) = match error {
        CliError::Manifest(faults) => (
            faults.as_slice(),
            format!("the manifest has {} fault(s)", faults.len()),
        ),
        other => (&[][..], other.to_string()),
    };
    let body = Body {
        kind: error.kind(),
        message,
        help: error.help(),
        faults,
    };
    // A failure that cannot be written as JSON is still said.
    serde_json::to_string(&Failure { error: body }).unwrap_or_else(|_| text(error))
}

#[cfg(test)]
mod tests {
    use super::{json, text};
    use crate::error::CliError;

    fn not_deployed() -> CliError {
        CliError::NotDeployed {
            stack: "lockstep".into(),
            place: "region eu-west-1".into(),
            missing: "table lockstep-ledger".into(),
        }
    }

    #[test]
    fn a_missing_controller_names_the_command_that_deploys_it() {
        insta::assert_snapshot!(text(&not_deployed()));
    }

    #[test]
    fn programs_get_the_same_in_fields() {
        insta::assert_snapshot!(json(&not_deployed()));
    }
}
