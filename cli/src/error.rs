//! Why a command could not do what it was asked for.

use lockstep::manifest::ManifestError;
use lockstep_aws::{AwsError, ErrorKind};
use lockstep_ledger::LedgerError;

use crate::exit::Exit;
use crate::local::LocalError;

/// Why a command could not do what it was asked for. Displayed it says what happened;
/// [`CliError::help`] says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or something it names is wrong.
    #[error("{message}")]
    Invalid {
        /// What is wrong, and where.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
    /// The manifest is wrong: every fault, each with its line.
    #[error("{}", faults(.0))]
    Manifest(Vec<ManifestError>),
    /// The account has no such controller.
    #[error("there is no controller `{stack}` in {place}: {missing} does not exist")]
    NotDeployed {
        /// The controller's stack.
        stack: String,
        /// Where it was looked for.
        place: String,
        /// What was not found there.
        missing: String,
    },
    /// AWS did not answer, or said no.
    #[error("{doing}: {} {}", .error.operation, said(.error))]
    Aws {
        /// What the command was doing, in a clause.
        doing: String,
        /// What AWS said.
        error: AwsError,
    },
    /// The ledger holds something this version cannot read, or somebody else is faster.
    #[error("{doing}: {reason}")]
    Ledger {
        /// What the command was doing, in a clause.
        doing: String,
        /// What is wrong.
        reason: String,
    },
    /// The local engine refused or failed.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// A file or the terminal could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Something did not end as it had to.
    #[error("{message}")]
    Failed {
        /// What, and what is the case now.
        message: String,
        /// What to do about it.
        help: Option<String>,
    },
}

impl CliError {
    /// A wrong command line, with what to do about it.
    pub fn invalid(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Invalid {
            message: message.into(),
            help: Some(help.into()),
        }
    }

    /// What `doing` came to when the ledger did not answer as expected.
    pub fn ledger(doing: impl Into<String>, error: LedgerError) -> Self {
        let doing = doing.into();
        match error {
            LedgerError::Aws(error) => Self::Aws { doing, error },
            other => Self::Ledger {
                doing,
                reason: other.to_string(),
            },
        }
    }

    /// The exit code for it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Invalid { .. } | Self::Manifest(_) => Exit::Invalid,
            Self::Failed { .. } => Exit::Bad,
            Self::NotDeployed { .. }
            | Self::Aws { .. }
            | Self::Ledger { .. }
            | Self::Local(_)
            | Self::Io { .. } => Exit::Unreachable,
        }
    }

    /// A stable word for it, for scripts.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Manifest(_) => "manifest",
            Self::NotDeployed { .. } => "not_deployed",
            Self::Aws { .. } => "aws",
            Self::Ledger { .. } => "ledger",
            Self::Local(_) => "local_engine",
            Self::Io { .. } => "io",
            Self::Failed { .. } => "failed",
        }
    }

    /// What to do next, where that can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Invalid { help, .. } | Self::Failed { help, .. } => help.clone(),
            Self::NotDeployed { .. } => Some(
                "deploy it with `sam build && sam deploy`, or name the right one with --stack, --region or --profile; \
                 for the local engine, start it with `lockstep local up` and add --local"
                    .to_owned(),
            ),
            Self::Aws { error, .. } => Some(what_to_do(error)),
            Self::Ledger { .. } => Some(
                "run it again; if that does not help, this `lockstep` may be older than the controller".to_owned(),
            ),
            Self::Manifest(_) | Self::Local(_) | Self::Io { .. } => None,
        }
    }
}

fn faults(errors: &[ManifestError]) -> String {
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    texts.join("\n\n")
}

fn said(error: &AwsError) -> String {
    let verb = match error.kind {
        ErrorKind::Transient if error.code.is_empty() => "could not be asked",
        ErrorKind::Transient => "failed for now",
        ErrorKind::AccessDenied => "is not allowed",
        ErrorKind::Refused => "was refused",
    };
    let code = if error.code.is_empty() {
        String::new()
    } else {
        format!("{}: ", error.code)
    };
    format!("{verb}: {code}{}", error.message)
}

/// Codes that mean "these credentials are no good", whatever the service.
const CREDENTIAL_CODES: [&str; 5] = [
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidSignature",
    "UnrecognizedClient",
    "IncompleteSignature",
];

fn what_to_do(error: &AwsError) -> String {
    let bad_credentials = CREDENTIAL_CODES
        .iter()
        .any(|code| error.code.starts_with(code));
    let none = error.code.is_empty() && error.message.contains("credentials");
    match error.kind {
        _ if bad_credentials => {
            "the credentials are wrong or have expired: renew them (`aws sso login`), or name others with --profile".into()
        }
        _ if none => {
            "no usable AWS credentials: log in (`aws sso login`), set AWS_PROFILE, or name a profile with --profile".into()
        }
        ErrorKind::AccessDenied => format!(
            "your credentials may not call {}: use others with --profile, or have it allowed",
            error.operation
        ),
        ErrorKind::Transient => {
            "nothing is known to have changed; check the network and --region, then run it again".into()
        }
        ErrorKind::Refused => "check --region, --stack and --profile".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{AwsError, CliError, ErrorKind};

    fn aws(kind: ErrorKind, code: &str, message: &str) -> CliError {
        let error = AwsError {
            operation: "dynamodb:GetItem",
            kind,
            code: code.into(),
            message: message.into(),
        };
        CliError::Aws {
            doing: "reading the lock of hello in local".into(),
            error,
        }
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        assert_eq!(CliError::invalid("x", "y").exit().code(), 2);
        assert_eq!(CliError::Manifest(Vec::new()).exit().code(), 2);
        assert_eq!(aws(ErrorKind::Transient, "", "x").exit().code(), 3);
    }

    #[test]
    fn expired_credentials_are_called_by_their_name() {
        let error = aws(
            ErrorKind::Refused,
            "ExpiredTokenException",
            "The security token is expired",
        );
        insta::assert_snapshot!(format!("{error}\n{}", error.help().unwrap_or_default()), @r"
        reading the lock of hello in local: dynamodb:GetItem was refused: ExpiredTokenException: The security token is expired
        the credentials are wrong or have expired: renew them (`aws sso login`), or name others with --profile
        ");
    }

    #[test]
    fn no_credentials_at_all_are_told_apart_from_no_network() {
        let none = aws(
            ErrorKind::Transient,
            "",
            "dispatch failure: no providers in chain provided credentials",
        );
        assert!(none.help().unwrap_or_default().contains("aws sso login"));
        let network = aws(
            ErrorKind::Transient,
            "",
            "dispatch failure: connection refused",
        );
        assert!(network.help().unwrap_or_default().contains("network"));
    }
}
