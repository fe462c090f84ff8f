//! Commits as people write them.

/// How long a commit's hash is, and how short people write it.
const HASH: std::ops::RangeInclusive<usize> = 7..=40;

/// What a commit has to be.
pub const COMMIT: &str = "a commit: 7 to 40 hexadecimal digits, in lower case";

/// Whether a text is a commit as it may be asked for, and as images are tagged with it.
pub fn is_commit(text: &str) -> bool {
    let hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    HASH.contains(&text.len()) && text.bytes().all(hex)
}

#[cfg(test)]
mod tests {
    use super::is_commit;

    #[test]
    fn commits_are_short_or_whole_hashes() {
        for right in ["3f2a9c1", "1234567", &"0a".repeat(20)] {
            assert!(is_commit(right), "{right}");
        }
        for wrong in ["3f2a9c", "3F2A9C1", "main", "", "3f2a9cg", &"0".repeat(41)] {
            assert!(!is_commit(wrong), "{wrong}");
        }
    }
}
