#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs::File;
use std::io::Write as _;

use zip::write::{SimpleFileOptions, ZipWriter};

use super::{Bundle, hex_of};

fn packed(entries: &[(&str, &[u8])]) -> File {
    let mut zip = ZipWriter::new(tempfile::tempfile().unwrap());
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap()
}

fn refusal(entries: &[(&str, &[u8])]) -> String {
    let opened = Bundle::of(packed(entries), "web.zip".into());
    opened.unwrap_err().to_string()
}

#[test]
fn files_are_told_with_their_hashes_and_read_by_them() {
    let file = packed(&[("index.html", b"<p>"), ("a/b.js", b"1")]);
    let bundle = Bundle::of(file, "web.zip".into()).unwrap();
    let files = bundle.files().unwrap();
    let names: Vec<_> = files
        .iter()
        .map(|(name, _, size)| (name.as_str(), *size))
        .collect();
    assert_eq!(names, [("index.html", 3), ("a/b.js", 1)]);
    let hash = hex_of(b"1");
    assert_eq!(bundle.read("a/b.js", &hash).unwrap(), Some(b"1".to_vec()));
    assert_eq!(bundle.read("a/b.js", &hex_of(b"2")).unwrap(), None);
    assert_eq!(bundle.read("nope", &hash).unwrap(), None);
}

#[test]
fn what_leads_out_of_the_site_is_refused() {
    let told = refusal(&[
        ("../evil.html", b"x"),
        ("ok.html", b"x"),
        ("/etc/passwd", b"x"),
    ]);
    assert!(told.contains("`../evil.html` has a bad path"), "{told}");
    assert!(told.contains("`/etc/passwd` has a bad path"), "{told}");
    assert!(!told.contains("ok.html"), "{told}");
}

#[test]
fn a_bomb_is_refused_by_its_table_of_contents() {
    let zeros = vec![0_u8; 8 << 20];
    let told = refusal(&[("index.html", &zeros)]);
    assert!(told.contains("as zip bombs do"), "{told}");
}

#[test]
fn what_is_no_zip_file_is_told() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"<html>").unwrap();
    let told = Bundle::of(file, "web.zip".into()).unwrap_err().to_string();
    assert!(told.contains("cannot be read as a zip file"), "{told}");
}
