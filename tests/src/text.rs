//! Texts that are the same in every run: ids, digests, times and ports get names.

/// Replaces what differs from run to run by a name of its own.
#[derive(Debug, Clone, Default)]
pub struct Names {
    known: Vec<(String, String)>,
}

impl Names {
    /// Calls every occurrence of `text` by `name`, also its short form where it is a digest.
    pub fn call(&mut self, text: &str, name: &str) {
        if let Some(hex) = text.strip_prefix("sha256:") {
            self.known.push((text.to_owned(), format!("<{name}>")));
            self.known
                .push((hex[..12].to_owned(), format!("<{name}, short>")));
        } else {
            self.known.push((text.to_owned(), format!("<{name}>")));
        }
    }

    /// The text with all known names, and with every time as `<time>`.
    pub fn apply(&self, text: &str) -> String {
        let mut named = text.to_owned();
        for (found, name) in &self.known {
            named = named.replace(found, name);
        }
        times(&named)
    }
}

/// Replaces RFC 3339 times.
fn times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..start]);
        let word: String = rest[start..]
            .chars()
            .take_while(|c| c.is_ascii_digit() || "-:.TZ+".contains(*c))
            .collect();
        let time = word.trim_end_matches(['.', ':', '-', '+']);
        out.push_str(if time.parse::<jiff::Timestamp>().is_ok() {
            "<time>"
        } else {
            time
        });
        out.push_str(&word[time.len()..]);
        rest = &rest[start + word.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn what_differs_gets_a_name() {
        let mut names = Names::default();
        names.call("01JD5Q6Z8G0000000000000000", "deployment");
        names.call(&format!("sha256:{}", "ab".repeat(32)), "v2");
        let text = "01JD5Q6Z8G0000000000000000 at 2026-11-20T10:00:00.123Z: web:v2 (abababababab), 3 of 3.";
        assert_eq!(
            names.apply(text),
            "<deployment> at <time>: web:v2 (<v2, short>), 3 of 3."
        );
    }
}
