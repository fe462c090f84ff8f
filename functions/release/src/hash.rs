//! SHA-256 as release.json writes it (hex) and as S3 writes it (base64).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A SHA-256 in hex as S3 takes it.
pub(crate) fn base64(hex: &str) -> String {
    lockstep::release::base64_of_hex(hex)
}

/// The hex of what S3 writes in base64; `None` when that is no SHA-256 of a whole object.
pub(crate) fn hex_of_base64(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
    (bytes.len() == 32).then(|| hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::hex_of_base64;

    #[test]
    fn only_the_hash_of_a_whole_object_is_read() {
        let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(
            hex_of_base64(empty).as_deref(),
            Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        );
        assert_eq!(hex_of_base64(&format!("{empty}-3")), None);
        assert_eq!(hex_of_base64("AAAA"), None);
    }
}
