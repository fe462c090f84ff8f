//! The file a manifest was read from, to show a person the line that is meant.

use std::ops::Range;

/// A file's name and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceFile {
    pub(super) name: String,
    pub(super) text: String,
}

/// A place in a file, in bytes.
pub(super) type Span = Range<usize>;

/// One line of a file with a part of it marked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The line's number, from 1.
    pub(super) line: usize,
    /// The mark's first column, from 1, in characters.
    pub(super) column: usize,
    /// The line, without its end.
    pub(super) text: String,
    /// The marked bytes of the line.
    pub(super) mark: Span,
}

impl SourceFile {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The text at a place, or nothing where the place is not in the file.
    pub(super) fn slice(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// The line a place begins on, marked up to the place's end or the line's.
    pub(super) fn excerpt(&self, span: &Span) -> Excerpt {
        let start = floor(&self.text, span.start);
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let text = rest.lines().next().unwrap_or_default();
        let mark_start = (start - line_start).min(text.len());
        let mark_end =
            floor(text, span.end.saturating_sub(line_start)).clamp(mark_start, text.len());
        Excerpt {
            line: before.matches('\n').count() + 1,
            column: text.get(..mark_start).unwrap_or_default().chars().count() + 1,
            text: text.to_owned(),
            mark: mark_start..mark_end,
        }
    }

    /// The place of a line and column, both from 1; the column in characters.
    pub(super) fn place(&self, line: usize, column: usize) -> Span {
        let mut lines = self.text.split_inclusive('\n');
        let before: usize = lines
            .by_ref()
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        let line = lines.next().unwrap_or_default();
        let start = line
            .char_indices()
            .nth(column.saturating_sub(1))
            .map_or(line.len(), |(at, _)| at);
        before + start..before + start + 1
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::SourceFile;

    #[test]
    fn marks_the_part_of_the_first_line_only() {
        let file = SourceFile::new("x", "a: 1\nbé: [2,\n 3]\n");
        let excerpt = file.excerpt(&(10..17));
        assert_eq!((excerpt.line, excerpt.column), (2, 5));
        assert_eq!(excerpt.text.get(excerpt.mark.clone()), Some("[2,"));
    }

    #[test]
    fn a_place_past_the_end_is_the_last_line() {
        let excerpt = SourceFile::new("x", "a: 1").excerpt(&(90..95));
        assert_eq!((excerpt.line, excerpt.column, excerpt.mark), (1, 5, 4..4));
        assert_eq!(SourceFile::new("x", "").excerpt(&(0..0)).line, 1);
    }

    #[test]
    fn finds_the_place_of_line_and_column() {
        let file = SourceFile::new("x", "ab\néd\n");
        assert_eq!(file.slice(&file.place(2, 2)), "d");
        assert_eq!(file.place(9, 9), 7..8);
    }
}
