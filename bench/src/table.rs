//! The tables as Markdown, and whether every bound was kept.

/// One line of a table that has a bound.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The measurement with its unit.
    pub measured: String,
    /// What it is compared with, with its unit; empty where the bound is absolute.
    pub against: String,
    /// Measured through compared; the bare number where the bound is absolute.
    pub value: f64,
    /// The most that `value` may be; `None` where the line is there for information.
    pub bound: Option<f64>,
    /// The unit of `value` and `bound`: `×`, `MB`, `s`.
    pub unit: &'static str,
}

/// Collects what was kept and missed.
#[derive(Debug, Default)]
pub struct Bounds {
    missed: Vec<String>,
}

impl Bounds {
    /// Whether none was missed.
    pub fn all_kept(&self) -> bool {
        self.missed.is_empty()
    }

    /// Prints a table of bounds and remembers which were missed.
    pub fn print(&mut self, title: &str, rows: &[Row]) {
        let mut lines = Vec::new();
        for row in rows {
            let verdict = match row.bound {
                None => "",
                Some(bound) if row.value <= bound => "ok",
                Some(_) => {
                    self.missed.push(row.what.clone());
                    "NOT"
                }
            };
            let bound = row
                .bound
                .map_or(String::new(), |bound| format!("≤ {bound} {}", row.unit));
            let value = format!("{:.2} {}", row.value, row.unit);
            lines.push(vec![
                row.what.clone(),
                row.measured.clone(),
                row.against.clone(),
                value,
                bound,
                verdict.to_owned(),
            ]);
        }
        let head = ["", "measured", "against", "ratio or value", "bound", ""];
        print(title, &head, &lines);
    }
}

/// Prints any table.
#[expect(
    clippy::print_stdout,
    reason = "the tables are what this program is for"
)]
pub fn print(title: &str, head: &[&str], lines: &[Vec<String>]) {
    println!("\n### {title}\n\n| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for line in lines {
        println!("| {} |", line.join(" | "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: f64, bound: Option<f64>) -> Row {
        Row {
            what: "it".to_owned(),
            measured: String::new(),
            against: String::new(),
            value,
            bound,
            unit: "×",
        }
    }

    #[test]
    fn one_missed_bound_is_enough() {
        let mut bounds = Bounds::default();
        bounds.print("kept", &[row(2.0, Some(2.0)), row(9.0, None)]);
        assert!(bounds.all_kept());
        bounds.print("missed", &[row(2.01, Some(2.0)), row(1.0, Some(2.0))]);
        assert!(!bounds.all_kept());
    }
}
