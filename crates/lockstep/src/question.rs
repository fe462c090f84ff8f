//! What a person is asked while a deployment waits for the answer.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DeploymentId, PhaseError};

/// A question of a deployment, and what became of it. It ends once: by an answer, or because it
/// is no longer asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Which of the deployment's questions it is, such as `traffic-20`: each is asked once, and
    /// the answer to one is never taken for another.
    pub what: String,
    /// What is asked, with the numbers so far.
    pub text: String,
    /// What is live while it is asked.
    pub live: String,
    /// The fencing number of the lock that the deployment asks under.
    pub fence: u64,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it can be answered.
    pub ends_at: Timestamp,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Why it is no longer asked, without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawn>,
}

/// What somebody answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What is to be done.
    pub choice: Choice,
    /// Who says so.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was given.
    pub at: Timestamp,
}

/// What can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Go on.
    Proceed,
    /// Put everything back.
    Stop,
}

/// A question that is no longer asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// Since when.
    pub at: Timestamp,
    /// What ended the deployment's way instead; `None` when it goes on, because by now there is
    /// enough to decide by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<PhaseError>,
}

impl Question {
    /// Whether it can still be answered, as far as the ledger knows.
    pub const fn is_open(&self) -> bool {
        self.answer.is_none() && self.withdrawn.is_none()
    }

    /// The command that answers it. It names the question, so that it never answers a later one.
    pub fn command(&self, id: &DeploymentId, choice: Choice) -> String {
        format!("lockstep {choice} {id} --question {}", self.what)
    }

    /// Until when it can be answered, in words.
    pub fn until(&self) -> String {
        time(self.ends_at)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proceed => "proceed",
            Self::Stop => "stop",
        })
    }
}

impl Answer {
    /// Who said what, and why, in one clause.
    pub fn words(&self) -> String {
        let said = match self.choice {
            Choice::Proceed => "to go on",
            Choice::Stop => "to stop",
        };
        format!("{} said {said}{}", self.by, because(self.reason.as_deref()))
    }
}

impl Withdrawn {
    /// Why it is no longer asked, in one clause.
    pub fn words(&self) -> String {
        self.failure.as_ref().map_or_else(
            || "by now there was enough traffic to decide by".to_owned(),
            ToString::to_string,
        )
    }
}

/// A reason as the end of a clause.
pub(crate) fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

/// A time of a day, for people in different places.
pub fn time(at: Timestamp) -> String {
    at.strftime("%H:%M UTC on %-d %b").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use serde_json::json;

    use super::{Answer, Choice, Question};
    use crate::DeploymentId;

    #[test]
    fn a_command_answers_this_question_and_no_other() {
        let question: Question = serde_json::from_value(json!({
            "what": "traffic-20", "text": "?", "live": "20 %", "fence": 3,
            "asked_at": "2026-11-21T09:00:00Z", "ends_at": "2026-11-21T10:00:00Z",
        }))
        .unwrap();
        assert!(question.is_open());
        assert_eq!(question.until(), "10:00 UTC on 21 Nov");
        let id = DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap();
        assert_eq!(
            question.command(&id, Choice::Stop),
            "lockstep stop 01JD5Q6Z8G0000000000000000 --question traffic-20"
        );
    }

    #[test]
    fn an_answer_says_who_and_why() {
        let answer = |choice, reason: Option<&str>| {
            let at = "2026-11-21T09:00:00Z".parse().unwrap();
            let (by, reason) = ("ann".to_owned(), reason.map(str::to_owned));
            Answer {
                choice,
                by,
                reason,
                at,
            }
            .words()
        };
        assert_eq!(answer(Choice::Proceed, None), "ann said to go on");
        assert_eq!(
            answer(Choice::Stop, Some("not tonight")),
            "ann said to stop: not tonight"
        );
    }
}
