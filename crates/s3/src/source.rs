//! The name of what is copied.

/// What CopyObject wants: bucket, key and version in one header, encoded as in a URL.
pub fn copy_source(bucket: &str, key: &str, version: Option<&str>) -> String {
    let key = encoded(key, "/");
    match version {
        Some(version) => format!("{bucket}/{key}?versionId={}", encoded(version, "")),
        None => format!("{bucket}/{key}"),
    }
}

/// Everything percent-encoded but what needs not be, and `kept`.
fn encoded(text: &str, kept: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let letter = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.~".contains(letter) || kept.contains(letter) {
            encoded.push(letter);
        } else {
            use std::fmt::Write as _;
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::copy_source;

    #[test]
    fn a_source_is_encoded_but_for_its_slashes() {
        assert_eq!(
            copy_source("b", "releases/shop/1.4.0+x/a b?c.zip", Some("v/1+=")),
            "b/releases/shop/1.4.0%2Bx/a%20b%3Fc.zip?versionId=v%2F1%2B%3D"
        );
        assert_eq!(copy_source("b", "k.zip", None), "b/k.zip");
    }
}
