//! How a watched deployment is shown: moving on a terminal, line by line elsewhere, as JSON
//! for programs.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use super::follow::Ending;
use super::look::Look;
use crate::error::CliError;
use crate::view::output::Output;
use crate::view::progress;

/// Where and how a watched deployment is shown.
#[derive(Debug)]
pub struct Display {
    output: Output,
    bar: Option<ProgressBar>,
    /// How many finished phases were printed.
    printed: usize,
    /// What the last line said, to print only what is new.
    last: String,
    /// The last question that was printed.
    asked: Option<String>,
    silent: bool,
}

impl Display {
    /// Shows what `output` is made for.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            bar: output.is_live().then(bar),
            printed: 0,
            last: String::new(),
            asked: None,
            silent: false,
        }
    }

    /// Shows nothing.
    pub const fn silent() -> Self {
        Self {
            output: Output::new(false),
            bar: None,
            printed: 0,
            last: String::new(),
            asked: None,
            silent: true,
        }
    }

    /// Shows one look.
    pub fn show(&mut self, look: &Look) -> Result<(), CliError> {
        if self.silent {
            return Ok(());
        }
        if let Some(bar) = &self.bar {
            for phase in look
                .phases
                .iter()
                .skip(self.printed)
                .filter(|phase| phase.finished_at.is_some())
            {
                bar.println(progress::finished_phase(phase));
                self.printed += 1;
            }
            let phase = look.current();
            if let Some(phase) = phase.filter(|phase| phase.phase != bar.prefix()) {
                bar.set_prefix(phase.phase);
                bar.reset_elapsed();
                bar.set_elapsed(unsigned(look.at.duration_since(phase.started_at)));
            }
            bar.set_message(progress::waits_for(look));
            return self.ask(look);
        }
        let now = format!(
            "{:?} {}",
            look.current().map(|phase| phase.phase),
            progress::waits_for(look)
        );
        if now == self.last || look.current().is_none() {
            return Ok(());
        }
        self.last = now;
        if self.output.is_json() {
            self.output.json_line(&progress::Line::of(look))
        } else {
            self.output.line(&progress::line(look))?;
            self.ask(look)
        }
    }

    /// Shows a question with its commands, once: they are to be copied.
    fn ask(&mut self, look: &Look) -> Result<(), CliError> {
        let Some(question) = progress::question(look) else {
            return Ok(());
        };
        if self.asked.as_ref() == Some(&question.question) {
            return Ok(());
        }
        let block = question.block();
        self.asked = Some(question.question);
        match &self.bar {
            Some(bar) => bar.println(block),
            None => self.output.line(&block)?,
        }
        Ok(())
    }

    /// Says that a look failed and is taken again.
    pub fn trouble(&self, at: Timestamp, error: &CliError) -> Result<(), CliError> {
        if self.silent {
            return Ok(());
        }
        let text = format!(
            "{}  cannot see it for now, asking again: {error}",
            at.strftime("%H:%M:%S")
        );
        match &self.bar {
            Some(bar) => bar.println(text),
            None if self.output.is_json() => {}
            None => self.output.line(&text)?,
        }
        Ok(())
    }

    /// Says how it ended.
    pub fn finish(&mut self, look: &Look, ending: &Ending) -> Result<(), CliError> {
        self.clear();
        if self.silent {
            return Ok(());
        }
        self.output.report(&progress::End::of(look, ending))
    }

    /// Takes the moving line away.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// Whatever ends the watching, the terminal is left clean.
impl Drop for Display {
    fn drop(&mut self) {
        self.clear();
    }
}

fn unsigned(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {prefix:<15} {elapsed:>5}  {wide_msg}")
    {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
