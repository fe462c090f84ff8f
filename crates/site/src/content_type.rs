//! What a file is, by its name.

/// The header `Content-Type` of a file. Texts are UTF-8, as all build tools write them.
pub fn content_type(path: &str) -> String {
    let extension = path
        .rsplit('/')
        .next()
        .and_then(|name| name.rsplit_once('.'));
    let extension = extension.map_or("", |(_, extension)| extension);
    let known = match extension.to_ascii_lowercase().as_str() {
        "js" | "mjs" => Some("text/javascript"),
        // Source maps are JSON; the table does not know them.
        "map" => Some("application/json"),
        "webmanifest" => Some("application/manifest+json"),
        "avif" => Some("image/avif"),
        other => mime_guess::from_ext(other).first_raw(),
    };
    let essence = known.unwrap_or("application/octet-stream");
    let is_text = essence.starts_with("text/")
        || ["application/json", "application/manifest+json"].contains(&essence);
    if is_text {
        format!("{essence}; charset=utf-8")
    } else {
        essence.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::content_type;

    #[test]
    fn what_build_tools_write_is_known() {
        for (path, wanted) in [
            ("index.html", "text/html; charset=utf-8"),
            ("assets/index-BfhK2pQz.js", "text/javascript; charset=utf-8"),
            ("assets/a.mjs", "text/javascript; charset=utf-8"),
            ("a.CSS", "text/css; charset=utf-8"),
            ("a.js.map", "application/json; charset=utf-8"),
            ("config.json", "application/json; charset=utf-8"),
            (
                "site.webmanifest",
                "application/manifest+json; charset=utf-8",
            ),
            ("logo.svg", "image/svg+xml"),
            ("photo.avif", "image/avif"),
            ("photo.webp", "image/webp"),
            ("inter.woff2", "font/woff2"),
            ("app.wasm", "application/wasm"),
            ("favicon.ico", "image/x-icon"),
            ("robots.txt", "text/plain; charset=utf-8"),
            ("sitemap.xml", "text/xml; charset=utf-8"),
            ("folder.js/LICENSE", "application/octet-stream"),
        ] {
            assert_eq!(content_type(path), wanted, "{path}");
        }
    }
}
