//! Where the demo shows what it is preparing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::error::CliError;
use crate::local::{Progress, Report as EngineReport};
use crate::view::duration::words;
use crate::view::{Output, Report};

/// Shows one step after the other. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stage {
    output: Output,
    under_way: Arc<Mutex<Option<Step>>>,
}

#[derive(Debug)]
struct Step {
    text: String,
    began: Instant,
    bar: Option<ProgressBar>,
}

impl Stage {
    /// A stage that shows what `output` is made for.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            under_way: Arc::default(),
        }
    }

    /// How results are printed.
    pub const fn output(&self) -> Output {
        self.output
    }

    /// A step that takes a while has begun; the one before it is done.
    pub fn step(&self, text: &str) {
        self.done();
        let bar = self.output.is_live().then(|| spinner(text));
        if bar.is_none() {
            self.tell("step", &format!("\u{b7} {text}"), text);
        }
        *self.slot() = Some(Step {
            text: text.to_owned(),
            began: Instant::now(),
            bar,
        });
    }

    /// The step that was under way is done.
    pub fn done(&self) {
        self.end_step("\u{2713}");
    }

    /// The step that was under way is not going to be done.
    pub fn abandon(&self) {
        self.end_step("\u{2717}");
    }

    fn end_step(&self, mark: &str) {
        let Some(step) = self.slot().take() else {
            return;
        };
        if let Some(bar) = step.bar {
            bar.finish_and_clear();
            let took = jiff::SignedDuration::try_from(step.began.elapsed()).unwrap_or_default();
            self.tell(
                "step",
                &format!("{mark} {} ({})", step.text, words(took)),
                &step.text,
            );
        }
    }

    /// Something to know.
    pub fn notice(&self, text: &str) {
        let slot = self.slot();
        match slot.as_ref().and_then(|step| step.bar.as_ref()) {
            Some(bar) => bar.println(format!("! {text}")),
            None => self.tell("notice", &format!("! {text}"), text),
        }
    }

    /// A paragraph between two steps.
    pub fn say(&self, text: &str) -> Result<(), CliError> {
        self.done();
        if self.output.is_json() {
            return self
                .output
                .json_line(&json!({ "event": "text", "text": text }));
        }
        self.output.line(&format!("\n{text}"))
    }

    /// Prints a report.
    pub fn report(&self, report: &impl Report) -> Result<(), CliError> {
        self.done();
        if !self.output.is_json() {
            self.output.line("")?;
        }
        self.output.report(report)
    }

    /// Receives the local engine's progress.
    pub fn engine_report(&self) -> EngineReport {
        let stage = self.clone();
        Arc::new(move |progress| match progress {
            Progress::Step(text) => stage.step(&text),
            Progress::Notice(text) => stage.notice(&text),
        })
    }

    /// A terminal that went away stops nothing: what is started must still be stopped.
    fn tell(&self, event: &str, line: &str, text: &str) {
        let _ = if self.output.is_json() {
            self.output
                .json_line(&json!({ "event": event, "text": text }))
        } else {
            self.output.line(line)
        };
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Step>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn spinner(text: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(text.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
