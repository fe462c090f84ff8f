//! Tables, all in one style.

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

/// Where nobody's terminal says how wide a line may be.
const WIDTH: u16 = 120;

/// A table without lines, as wide as the terminal; where there is none, [`WIDTH`].
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
