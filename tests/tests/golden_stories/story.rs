//! One story, told while it happens.

use std::fmt::Write as _;

use lockstep::verdict::Verdict;
use lockstep_tests::{Execution, Message, Names, World, eventually};

use crate::world::{Rows, Subject, changes, look};

/// How wide a path may be.
const WIDTH: usize = 110;

/// A story about one application.
pub struct Story<'w> {
    world: &'w World,
    subject: Subject<'w>,
    names: Names,
    before: Rows,
    text: String,
}

impl<'w> Story<'w> {
    /// Begins a story; what the application is like now is its `before`.
    pub async fn of(world: &'w World, subject: impl Into<Subject<'w>>, headline: &str) -> Self {
        let subject = subject.into();
        let mut names = Names::default();
        let address = world.health_url("");
        let address = address.split('/').nth(2).unwrap();
        names.call(address, "address");
        Self {
            world,
            before: look(world, &subject).await,
            subject,
            names,
            text: format!("{headline}\n"),
        }
    }

    /// Gives something that differs from run to run a name.
    pub fn call(&mut self, text: &str, name: &str) {
        self.names.call(text, name);
    }

    /// Names a digest after the image that has it.
    pub fn image(&mut self, digest: &str, tag: &str) {
        let hex = digest.trim_start_matches("sha256:");
        self.call(hex, &format!("digest of {tag}"));
        self.call(&hex[..12], &format!("digest of {tag}"));
    }

    /// Tells a deployment until its end, with its recoveries and its messages. `name` is what it is called in texts.
    /// Gives its verdict.
    pub async fn deployment(
        &mut self,
        title: &str,
        name: &str,
        execution: &Execution<'_>,
    ) -> Verdict {
        let (record, executions) = execution.concluded().await;
        let id = record.deployment.id.to_string();
        self.call(&id, name);
        let verdict = record.conclusion.unwrap().verdict;
        self.heading(&format!("{title}: {verdict}"));
        self.path(&executions[0]).await;
        for recovery in &executions[1..] {
            self.line("then its recovery, which the watchdog started:");
            self.path(recovery).await;
        }
        self.messages(&id).await;
        verdict
    }

    /// Tells an execution that creates no deployment.
    pub async fn execution(&mut self, title: &str, execution: &Execution<'_>) {
        self.heading(title);
        self.path(execution).await;
    }

    /// Tells something else of the world.
    pub fn tell(&mut self, title: &str, lines: &[String]) {
        self.heading(title);
        for line in lines {
            self.line(line);
        }
    }

    /// Tells the messages of a thread, which end with the one that tells the end.
    pub async fn messages(&mut self, thread: &str) {
        let what = format!("the last message of {thread} arrives");
        let messages = eventually(&what, async || {
            let messages = self.world.messages(thread);
            messages.iter().any(Message::is_final).then_some(messages)
        })
        .await;
        for message in messages {
            self.message(&message);
        }
    }

    fn message(&mut self, message: &Message) {
        let content = &message.notification["content"];
        self.text.push('\n');
        self.line(&format!("> {}", content["title"].as_str().unwrap()));
        for line in content["description"].as_str().unwrap().lines() {
            let line = if line.starts_with("Took ") {
                "Took <time>."
            } else {
                line
            };
            self.line(&format!("  {line}"));
        }
        for step in content["nextSteps"].as_array().into_iter().flatten() {
            self.line(&format!("  * {}", step.as_str().unwrap()));
        }
    }

    async fn path(&mut self, execution: &Execution<'_>) {
        let ended = execution.ended().await;
        let states = folded(&execution.path().await);
        for line in wrapped(&states) {
            self.line(&line);
        }
        let error = ended.error.map(|error| format!(" with the error {error}"));
        self.line(&format!(
            "execution {}{}",
            ended.status,
            error.unwrap_or_default()
        ));
    }

    /// A heading of the story's own.
    pub fn heading(&mut self, text: &str) {
        write!(self.text, "\n{text}\n").unwrap();
    }

    /// A line of the story's own.
    pub fn line(&mut self, text: &str) {
        writeln!(self.text, "  {text}").unwrap();
    }

    /// Ends the story with what became of the world.
    pub async fn end(mut self) -> String {
        let after = look(self.world, &self.subject).await;
        self.heading("The world, before and after");
        for line in changes(&self.before, &after) {
            self.line(&line);
        }
        let zeros = format!("sha256:{:064}", 1);
        let text = self
            .text
            .replace(&format!("@{}", &zeros[7..19]), "@<digest of v1>");
        let text = text.replace(&zeros, "sha256:<digest of v1>");
        self.names.apply(&text)
    }
}

/// The path without the looks that were followed by a wait and another look: how often a phase looked depends on the
/// machine. One after which people were told something stays.
fn folded(path: &[String]) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for state in path {
        let again = told.last() == Some(&format!("{state}Wait"));
        let look = told.iter().rposition(|it| it == state);
        let silent = |look: &usize| !told[*look..].iter().any(|it| it.starts_with("Announce"));
        if let Some(look) = look.filter(|look| again && silent(look)) {
            told.truncate(look);
        }
        told.push(state.clone());
    }
    told
}

fn wrapped(states: &[String]) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (number, state) in states.iter().enumerate() {
        let arrow = if number == 0 { "" } else { " \u{2192} " };
        let line = lines.last_mut().unwrap();
        if line.chars().count() + arrow.chars().count() + state.chars().count() > WIDTH {
            lines.push(format!("\u{2192} {state}"));
        } else {
            line.push_str(arrow);
            line.push_str(state);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn what_repeats_is_told_once() {
        let told = |path: &str| {
            let states: Vec<_> = path.split(' ').map(str::to_owned).collect();
            folded(&states).join(" ")
        };
        assert_eq!(told("Lock V D VWait V D VWait V D End"), "Lock V D End");
        assert_eq!(told("V D VWait V Undo"), "V Undo");
        assert_eq!(
            told("V D VWait V D AnnounceX VWait V D VWait V D End"),
            "V D AnnounceX VWait V D End"
        );
        assert_eq!(told("V D VWait"), "V D VWait");
        assert_eq!(told("Plan Has Plan Has"), "Plan Has Plan Has");
    }
}
