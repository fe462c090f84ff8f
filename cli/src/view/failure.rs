//! Errors, in the same form everywhere.

use serde_json::json;

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

/// `{"error": {"kind", "message", "help"?, "faults"?}}`
pub fn json(error: &CliError) -> String {
    let mut body = json!({ "kind": error.kind(), "message": error.to_string() });
    if let Some(help) = error.help() {
        body["help"] = json!(help);
    }
    if let CliError::Manifest(faults) = error {
        body["message"] = json!(format!("the manifest has {} fault(s)", faults.len()));
        body["faults"] = json!(faults);
    }
    json!({ "error": body }).to_string()
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
