//! Whether a page is served with what it needs: not only the page, which a distribution may answer
//! every request with, but the scripts and styles that it names.

/// What an asset has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Of this type, as it was uploaded.
    Type(String),
    /// Nothing that the release has: whatever it is, it is no page.
    NoPage,
}

/// The scripts and style sheets that a page names, as addresses. What lies on other hosts is left
/// out: that is not deployed here.
pub fn assets(html: &str, page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut base = page.to_owned();
    for tag in Tags::of(html) {
        let named = match tag.name.as_str() {
            "base" => {
                if let Some(address) = tag.get("href").and_then(|it| resolved(&base, it)) {
                    base = address;
                }
                continue;
            }
            "script" => tag.get("src"),
            "link" if tag.is_needed() => tag.get("href"),
            _ => continue,
        };
        let address = named.and_then(|named| resolved(&base, named));
        found.extend(address.filter(|it| host(it) == host(page) && !found.contains(it)));
    }
    found
}

/// What is wrong with the answer to a page.
pub fn judge_page(status: u16, content_type: &str) -> Option<String> {
    if status != 200 {
        return Some(format!("answered {status}, expected 200"));
    }
    let is_page = essence(content_type) == "text/html";
    (!is_page).then(|| format!("has the type {}, expected text/html", shown(content_type)))
}

/// What is wrong with the answer to an asset.
pub fn judge_asset(expected: &Expected, status: u16, content_type: &str) -> Option<String> {
    if status != 200 {
        return Some(format!("answered {status}, expected 200"));
    }
    let found = essence(content_type);
    match expected {
        Expected::Type(wanted) if essence(wanted) == found => None,
        Expected::NoPage if found != "text/html" => None,
        // Distributions of single-page applications answer what is missing with the page.
        _ if found == "text/html" => Some(
            "answered 200 with a page (text/html): the file is missing, and the distribution answers with the page instead"
                .to_owned(),
        ),
        Expected::Type(wanted) => Some(format!(
            "has the type {}, expected {}",
            shown(content_type),
            essence(wanted)
        )),
        Expected::NoPage => None,
    }
}

fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    match essence.as_str() {
        // Both names of it are in use.
        "application/javascript" => "text/javascript".to_owned(),
        _ => essence,
    }
}

fn shown(content_type: &str) -> &str {
    match content_type {
        "" => "none",
        other => other,
    }
}

/// Scheme and host of an address.
fn host(address: &str) -> Option<&str> {
    let begin = address.find("://")? + 3;
    let rest = address.get(begin..)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    address.get(..begin + end)
}

/// The address that a reference on a page means; `None` for what is no file on a server.
fn resolved(page: &str, reference: &str) -> Option<String> {
    let reference = reference.trim();
    let reference = reference.split('#').next().unwrap_or_default();
    if reference.is_empty() {
        return None;
    }
    if reference.starts_with("http://") || reference.starts_with("https://") {
        return Some(reference.to_owned());
    }
    let origin = host(page)?;
    if let Some(other) = reference.strip_prefix("//") {
        let scheme = page.split("://").next()?;
        return Some(format!("{scheme}://{other}"));
    }
    let scheme_like = reference.split(['/', '?']).next().unwrap_or_default();
    if scheme_like.contains(':') {
        return None;
    }
    let path = page.get(origin.len()..)?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let full = if reference.starts_with('/') {
        reference.to_owned()
    } else {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{reference}")
    };
    let (path, query) = match full.split_once('?') {
        Some((path, query)) => (path.to_owned(), format!("?{query}")),
        None => (full, String::new()),
    };
    Some(format!("{origin}{}{query}", without_dots(&path)))
}

fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A tag of a page.
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the page does not work without what it links to.
    fn is_needed(&self) -> bool {
        let rel = self.get("rel").unwrap_or_default().to_ascii_lowercase();
        rel.split_ascii_whitespace()
            .any(|it| it == "stylesheet" || it == "modulepreload")
    }
}

/// The opening tags of a page, one after the other. No parser of HTML: it is enough to find what
/// build tools write, and to pass over scripts and comments.
struct Tags<'a> {
    rest: &'a str,
}

impl<'a> Tags<'a> {
    const fn of(html: &'a str) -> Self {
        Self { rest: html }
    }

    fn skip_past(&mut self, end: &str) {
        let lower = self.rest.to_ascii_lowercase();
        let after = lower.find(end).map(|at| at + end.len());
        self.rest = after.and_then(|at| self.rest.get(at..)).unwrap_or_default();
    }
}

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        loop {
            let begin = self.rest.find('<')?;
            self.rest = self.rest.get(begin + 1..)?;
            if self.rest.starts_with("!--") {
                self.skip_past("-->");
                continue;
            }
            if !self.rest.starts_with(|it: char| it.is_ascii_alphabetic()) {
                continue;
            }
            let name_end = self
                .rest
                .find(|it: char| it.is_ascii_whitespace() || it == '>' || it == '/')?;
            let name = self.rest.get(..name_end)?.to_ascii_lowercase();
            self.rest = self.rest.get(name_end..)?;
            let attributes = attributes(&mut self.rest);
            if name == "script" {
                self.skip_past("</script");
            }
            return Some(Tag { name, attributes });
        }
    }
}

/// Reads attributes up to the end of the tag.
fn attributes(rest: &mut &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    loop {
        *rest = rest.trim_start_matches(|it: char| it.is_ascii_whitespace() || it == '/');
        if let Some(after) = rest.strip_prefix('>') {
            *rest = after;
            return found;
        }
        let end = rest.find(|it: char| it.is_ascii_whitespace() || "=>/".contains(it));
        let Some(end) = end else {
            *rest = "";
            return found;
        };
        let (key, after) = rest.split_at(end);
        let key = key.to_ascii_lowercase();
        let mut after = after.trim_start();
        let mut value = String::new();
        if let Some(written) = after.strip_prefix('=') {
            let (text, left) = attribute_value(written.trim_start());
            value = text.replace("&amp;", "&");
            after = left;
        }
        // An `=` without a name before it is passed over.
        *rest = after;
        found.push((key, value));
    }
}

fn attribute_value(written: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = written.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    let end = written.find(|it: char| it.is_ascii_whitespace() || it == '>');
    written.split_at(end.unwrap_or(written.len()))
}

#[cfg(test)]
mod tests {
    use super::{Expected, assets, judge_asset, judge_page};

    const PAGE: &str = "https://quiz.example.com/docs/index.html?x=1";

    #[test]
    fn scripts_and_styles_of_the_same_host_are_found() {
        let html = r#"<!doctype html><html><head>
            <!-- <script src="/old.js"></script> -->
            <link rel="icon" href="/favicon.ico"><link rel=stylesheet href='../style.css?v=2'/>
            <LINK REL="modulepreload" HREF="/assets/vendor-1.js" crossorigin>
            <script type="module" crossorigin src="/assets/index-1.js"></script>
            <script>if (a < b) { document.write('<script src="/written.js">') }</script>
            <script src="https://cdn.example.net/x.js"></script><script src="//quiz.example.com/y.js"></script>
            <script src=./local.js></script><script src="data:text/javascript,1"></script>
            </head><body><p title="a > b"><img src="/no.png"></body></html>"#;
        assert_eq!(
            assets(html, PAGE),
            [
                "https://quiz.example.com/style.css?v=2",
                "https://quiz.example.com/assets/vendor-1.js",
                "https://quiz.example.com/assets/index-1.js",
                "https://quiz.example.com/y.js",
                "https://quiz.example.com/docs/local.js",
            ]
        );
    }

    #[test]
    fn a_base_moves_what_is_relative() {
        let html = r#"<base href="/app/"><script src="main.js"></script>"#;
        assert_eq!(
            assets(html, "http://127.0.0.1:80"),
            ["http://127.0.0.1:80/app/main.js"]
        );
    }

    #[test]
    fn broken_pages_end() {
        for html in [
            "<",
            "<a",
            "<script src=",
            "<script src=\"/x",
            "<!--",
            "<a =>",
            "</p><x/",
        ] {
            assert!(assets(html, PAGE).len() <= 1, "{html}");
        }
    }

    #[test]
    fn a_page_in_place_of_an_asset_is_no_asset() {
        let script = Expected::Type("text/javascript".into());
        assert_eq!(
            judge_asset(&script, 200, "text/javascript; charset=utf-8"),
            None
        );
        assert_eq!(judge_asset(&script, 200, "application/javascript"), None);
        assert_eq!(
            judge_asset(&script, 403, "").unwrap_or_default(),
            "answered 403, expected 200"
        );
        let found = judge_asset(&script, 200, "text/html").unwrap_or_default();
        assert!(found.contains("instead"), "{found}");
        assert_eq!(
            judge_asset(&script, 200, "").unwrap_or_default(),
            "has the type none, expected text/javascript"
        );
        assert_eq!(judge_asset(&Expected::NoPage, 200, "image/png"), None);
        assert!(judge_asset(&Expected::NoPage, 200, "text/html").is_some());
    }

    #[test]
    fn a_page_is_a_page() {
        assert_eq!(judge_page(200, "text/html; charset=utf-8"), None);
        assert!(judge_page(200, "binary/octet-stream").is_some());
        assert!(judge_page(404, "text/html").is_some());
    }
}
