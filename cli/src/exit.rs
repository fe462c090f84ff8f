//! Exit codes: the part of a command's answer that scripts read.

use std::process::ExitCode;

use lockstep::verdict::Verdict;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or the deployment's verdict is a good one.
    Good,
    /// 1: the deployment's verdict is a bad one.
    Bad,
    /// 2: the command, the manifest or the request is wrong; nothing was done.
    Invalid,
    /// 3: AWS, or the local engine, could not be asked.
    Unreachable,
    /// 130: a person pressed Ctrl-C, as shells count it.
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Bad => 1,
            Self::Invalid => 2,
            Self::Unreachable => 3,
            Self::Interrupted => 130,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        if verdict.is_good() {
            Self::Good
        } else {
            Self::Bad
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::{Exit, Verdict};

    #[test]
    fn a_pipeline_passes_on_good_verdicts_only() {
        let codes: Vec<_> = Verdict::ALL
            .iter()
            .map(|verdict| (verdict.as_str(), Exit::from(*verdict).code()))
            .collect();
        let expected = [
            ("SUCCEEDED", 0),
            ("NO_CHANGE", 0),
            ("ROLLED_BACK", 1),
            ("FAILED_DIRTY", 1),
            ("SUPERSEDED", 0),
            ("REJECTED", 1),
            ("STOPPED", 1),
        ];
        assert_eq!(codes, expected);
    }
}
