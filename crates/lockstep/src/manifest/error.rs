//! What is wrong with a manifest, for people and for tools.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::source::{Excerpt, SourceFile, Span};

/// One thing that is wrong with a manifest, or with a file it names.
///
/// Displayed it is one block of text with the line in question; serialized it is the same
/// in fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestError {
    /// The file's name as the caller gave it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The field, such as `services.web.cluster`; empty for the file as a whole.
    pub path: String,
    /// What stands there.
    pub found: String,
    /// What should stand there.
    pub expected: String,
    /// What to do about it, where that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The line in question.
    #[serde(skip)]
    excerpt: Excerpt,
}

impl std::error::Error for ManifestError {}

impl ManifestError {
    pub(super) fn new(source: &SourceFile, span: &Span, problem: Problem) -> Self {
        let excerpt = source.excerpt(span);
        Self {
            file: source.name.clone(),
            line: excerpt.line,
            column: excerpt.column,
            path: problem.path,
            found: problem.found,
            expected: problem.expected,
            help: problem.help,
            excerpt,
        }
    }

    /// The error in one line, without the place.
    pub fn headline(&self) -> String {
        let Self {
            path,
            found,
            expected,
            ..
        } = self;
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("{path}: ")
        };
        format!("{path}found {found}, expected {expected}")
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let annotation = AnnotationKind::Primary.span(self.excerpt.mark.clone());
        let snippet = Snippet::source(&self.excerpt.text)
            .path(&self.file)
            .line_start(self.line)
            .annotation(annotation);
        let mut report: Group<'_> = Level::ERROR.primary_title(self.headline()).element(snippet);
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(help));
        }
        f.write_str(&Renderer::plain().render(&[report]))
    }
}

/// The part of an error that does not depend on where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) path: String,
    pub(super) found: String,
    pub(super) expected: String,
    pub(super) help: Option<String>,
}

impl Problem {
    pub(super) fn new(path: &str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            found: found.into(),
            expected: expected.into(),
            help: None,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
