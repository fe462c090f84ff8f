//! Asking a person before something is changed.

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use crate::error::CliError;
use crate::view::Output;

/// Whether a person agrees. `yes` is the answer that was given on the command line.
///
/// # Errors
/// When nobody can be asked.
pub fn confirm(question: &str, yes: bool, output: Output) -> Result<bool, CliError> {
    if yes {
        return Ok(true);
    }
    if output.is_json() || !stdin().is_terminal() {
        return Err(CliError::invalid(
            "nobody can be asked here, and nothing was changed",
            "add --yes if you agree with what is shown",
        ));
    }
    let asked = write!(stderr().lock(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = asked.and_then(|()| stdin().read_line(&mut answer));
    read.map_err(|source| CliError::Io {
        what: "asking on the terminal".to_owned(),
        source,
    })?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    let answer = answer.trim();
    answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
}

#[cfg(test)]
mod tests {
    use super::{confirm, is_yes};
    use crate::view::Output;

    #[test]
    fn only_a_yes_is_one() {
        assert!(is_yes("y\n") && is_yes(" Yes \n"));
        assert!(!is_yes("\n") && !is_yes("n\n") && !is_yes("yellow\n"));
    }

    #[test]
    fn programs_are_never_asked() {
        let error = confirm("delete it?", false, Output::new(true)).unwrap_err();
        assert!(error.help().unwrap().contains("--yes"));
        assert!(confirm("delete it?", true, Output::new(true)).unwrap());
    }
}
