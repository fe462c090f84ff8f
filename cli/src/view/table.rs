//! Tables, all in one style.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

/// Where nobody's terminal says how wide a line may be.
const WIDTH: u16 = 120;

/// A table without lines, as wide as the terminal; where there is none, 120 columns.
pub fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if !table.is_tty() {
        table.set_width(WIDTH);
    }
    if !header.is_empty() {
        table.set_header(header.to_vec());
    }
    table
}

/// The table's text, each line moved in by `indent` spaces and without blanks at its end.
pub fn text(table: &mut Table, indent: usize) -> String {
    table.discover_columns();
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let margin = " ".repeat(indent);
    let lines: Vec<_> = table
        .lines()
        .map(|line| format!("{margin}{line}").trim_end().to_owned())
        .collect();
    lines.join("\n")
}

/// Text whose lines after the first are moved in by `indent` spaces.
pub fn hanging(text: &str, indent: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(indent)))
}

/// The reason of a message alone, for a cell. Where the log is and what was put back are in
/// the whole message, which `lockstep show` prints.
pub fn sentence(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    let why = line.split(". Put back").next().unwrap_or(line);
    why.split("; logs: ").next().unwrap_or(why)
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_cell_gives_the_reason_in_one_sentence() {
        let message = "service hello/web: 2 tasks stopped: exited with code 1; logs: https://x/y. Put back and verified: z.";
        assert_eq!(
            sentence(message),
            "service hello/web: 2 tasks stopped: exited with code 1"
        );
        assert_eq!(
            sentence("Live and verified: z.\n- more"),
            "Live and verified: z."
        );
    }
}
