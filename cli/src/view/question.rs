//! A question of a deployment, and how to answer it.

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::question::{Answer, Choice, Question, Withdrawn, time};
use serde::Serialize;

use super::table;

/// A question as people and programs get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownQuestion {
    /// Which of the deployment's questions it is.
    pub question: String,
    /// What is asked, with the numbers of that moment.
    pub text: String,
    /// What is live while it is asked.
    pub live: String,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it can be answered.
    pub ends_at: Timestamp,
    /// The answer; `null` without one.
    pub answer: Option<Answer>,
    /// Why it is no longer asked; `null` while it is, and where it was answered.
    pub withdrawn: Option<String>,
    /// The commands that answer it; `null` when it cannot be answered any more.
    pub commands: Option<Commands>,
}

/// The commands that answer a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commands {
    /// Goes on.
    pub proceed: String,
    /// Puts everything back.
    pub stop: String,
}

impl ShownQuestion {
    /// A question of a deployment, as of `now`.
    pub fn of(id: &DeploymentId, question: &Question, now: Timestamp) -> Self {
        let commands = Commands {
            proceed: question.command(id, Choice::Proceed),
            stop: question.command(id, Choice::Stop),
        };
        Self {
            question: question.what.clone(),
            text: question.text.clone(),
            live: question.live.clone(),
            asked_at: question.asked_at,
            ends_at: question.ends_at,
            answer: question.answer.clone(),
            withdrawn: question.withdrawn.as_ref().map(Withdrawn::words),
            commands: is_asked(question, now).then_some(commands),
        }
    }

    /// What an open question says, in rows: a name and its text.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let Some(commands) = &self.commands else {
            return vec![("asked", format!("{} {}", self.text, self.end()))];
        };
        vec![
            ("asks", self.text.clone()),
            ("live now", self.live.clone()),
            ("to go on", commands.proceed.clone()),
            ("to put back", commands.stop.clone()),
            (
                "until",
                format!("{}; then it is put back", time(self.ends_at)),
            ),
        ]
    }

    /// All of it, for a terminal.
    pub fn block(&self) -> String {
        let mut facts = table::new(&[]);
        for (name, text) in self.rows() {
            facts.add_row([name, &text]);
        }
        table::text(&mut facts, 0)
    }

    /// What became of it.
    fn end(&self) -> String {
        match (&self.answer, &self.withdrawn) {
            (Some(answer), _) => format!("({} at {})", answer.words(), time(answer.at)),
            (None, Some(why)) => format!("(no longer asked: {why})"),
            (None, None) => "(nobody answered)".to_owned(),
        }
    }
}

/// Whether a question can be answered now.
pub fn is_asked(question: &Question, now: Timestamp) -> bool {
    question.is_open() && now < question.ends_at
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::SignedDuration;
    use lockstep::DeploymentId;
    use lockstep::question::{Answer, Choice, Question, Withdrawn};

    use super::ShownQuestion;
    use crate::view::history::tests::start;

    pub(crate) fn id() -> DeploymentId {
        DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap()
    }

    pub(crate) fn question() -> Question {
        Question {
            what: "traffic-20".into(),
            text: "function hello-api:live had 3 of 50 invocations of version 7, 11 min after the stage began: too \
                   little to judge the release by. Shall the new versions have all of the traffic?"
                .into(),
            live: "20 % of the traffic is on the new versions, 80 % on what served before".into(),
            fence: 3,
            asked_at: start(),
            ends_at: start() + SignedDuration::from_hours(1),
            answer: None,
            withdrawn: None,
        }
    }

    #[test]
    fn an_open_question_says_how_to_answer_it() {
        let open = ShownQuestion::of(&id(), &question(), start());
        insta::assert_snapshot!(open.block());
        insta::assert_json_snapshot!(open);
    }

    #[test]
    fn a_question_that_ended_says_how() {
        let now = start() + SignedDuration::from_hours(2);
        let told = |question: &Question| ShownQuestion::of(&id(), question, now).end();
        assert_eq!(told(&question()), "(nobody answered)");
        let answer = Answer {
            choice: Choice::Proceed,
            by: "ann".into(),
            reason: None,
            at: start(),
        };
        let answered = Question {
            answer: Some(answer),
            ..question()
        };
        assert_eq!(
            told(&answered),
            "(ann said to go on at 10:00 UTC on 20 Nov)"
        );
        let withdrawn = Question {
            withdrawn: Some(Withdrawn {
                at: start(),
                failure: None,
            }),
            ..question()
        };
        assert_eq!(
            told(&withdrawn),
            "(no longer asked: by now there was enough traffic to decide by)"
        );
    }
}
