//! How large a function's deployment package is.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::Result;
use crate::handlers::{HANDLERS, HELLO, program};
use crate::table::{Bounds, Row};

/// The most that a package may have, in MB (10⁶ bytes).
const ZIPPED: f64 = 2.5;

/// A package is one file, deflated at the usual level 6, and some 120 bytes around it.
pub fn run(bounds: &mut Bounds) -> Result<()> {
    let (_, floor) = sizes(HELLO)?;
    let mut rows = Vec::new();
    for name in HANDLERS {
        let (plain, zipped) = sizes(name)?;
        rows.push(Row {
            what: name.to_owned(),
            measured: format!("{zipped:.2} MB ({plain:.2} MB unzipped)"),
            against: format!("bare function {floor:.2} MB"),
            value: zipped,
            bound: Some(ZIPPED),
            unit: "MB",
        });
    }
    bounds.print("Zipped size", &rows);
    Ok(())
}

/// Size of the program and of its package, in MB.
fn sizes(name: &str) -> Result<(f64, f64)> {
    let path = program(name);
    let content = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&content)?;
    Ok((
        megabytes(content.len()),
        megabytes(encoder.finish()?.len() + 120),
    ))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "programs are far below 2⁵³ bytes"
)]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
