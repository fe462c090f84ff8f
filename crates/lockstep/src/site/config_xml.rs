//! Another origin path in a distribution's configuration, and everything else as it is: fields that
//! are newer than any SDK survive.

/// The configuration, as CloudFront gave it, with another path of one origin. `None` when it has
/// no such origin.
pub fn with_origin_path(xml: &str, origin: &str, path: &str) -> Option<String> {
    const BEGIN: &str = "<Origin>";
    const END: &str = "</Origin>";
    let mut from = 0;
    while let Some(begin) = find(xml, BEGIN, from) {
        let inside = begin + BEGIN.len();
        let end = find(xml, END, inside)?;
        let text = xml.get(inside..end)?;
        if element(text, "Id").map(|it| unescaped(it.2)) == Some(origin.to_owned()) {
            let changed = with_path(text, path)?;
            return Some(format!(
                "{}{changed}{}",
                xml.get(..inside)?,
                xml.get(end..)?
            ));
        }
        from = end;
    }
    None
}

/// One origin with another path.
fn with_path(origin: &str, path: &str) -> Option<String> {
    let new = format!("<OriginPath>{}</OriginPath>", escaped(path));
    if let Some((start, end, _)) = element(origin, "OriginPath") {
        return Some(format!(
            "{}{new}{}",
            origin.get(..start)?,
            origin.get(end..)?
        ));
    }
    let (_, end, _) = element(origin, "DomainName")?;
    Some(format!("{}{new}{}", origin.get(..end)?, origin.get(end..)?))
}

/// Where an element begins and ends, and its text.
fn element<'a>(xml: &'a str, name: &str) -> Option<(usize, usize, &'a str)> {
    for empty in [format!("<{name}/>"), format!("<{name} />")] {
        if let Some(start) = xml.find(&empty) {
            return Some((start, start + empty.len(), ""));
        }
    }
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let start = xml.find(&open)?;
    let end = find(xml, &close, start)?;
    let text = xml.get(start + open.len()..end)?;
    Some((start, end + close.len(), text))
}

fn find(text: &str, wanted: &str, from: usize) -> Option<usize> {
    Some(from + text.get(from..)?.find(wanted)?)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::with_origin_path;

    fn config(origins: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<DistributionConfig xmlns=\"http://c/\"><CallerReference>r</CallerReference>\
             <Origins><Quantity>2</Quantity><Items>{origins}</Items></Origins><OriginGroups><Quantity>0</Quantity>\
             </OriginGroups><FromTheFuture><OriginPath>/no</OriginPath></FromTheFuture></DistributionConfig>"
        )
    }

    const API: &str = "<Origin><Id>api</Id><DomainName>a.example</DomainName><OriginPath>/v1</OriginPath></Origin>";

    #[test]
    fn only_the_path_of_that_origin_is_another_one() {
        for (old, new) in [
            (
                "<OriginPath>/old</OriginPath>",
                "<OriginPath>/releases/x</OriginPath>",
            ),
            ("<OriginPath/>", "<OriginPath>/releases/x</OriginPath>"),
            ("<OriginPath />", "<OriginPath>/releases/x</OriginPath>"),
            (
                "<OriginPath></OriginPath>",
                "<OriginPath>/releases/x</OriginPath>",
            ),
            ("", "<OriginPath>/releases/x</OriginPath>"),
        ] {
            let site = |path: &str| {
                format!(
                    "<Origin><Id>s3 &amp; more</Id><DomainName>b.s3</DomainName>{path}<OriginShield/></Origin>"
                )
            };
            let before = config(&format!("{API}{}", site(old)));
            let after = config(&format!("{API}{}", site(new)));
            assert_eq!(
                with_origin_path(&before, "s3 & more", "/releases/x"),
                Some(after),
                "{old}"
            );
        }
    }

    #[test]
    fn going_back_to_no_path_leaves_an_empty_one() {
        let changed = with_origin_path(&config(API), "api", "");
        assert_eq!(changed, Some(config(&API.replace("/v1", ""))));
    }

    #[test]
    fn an_origin_that_is_not_there_is_told() {
        assert_eq!(with_origin_path(&config(API), "web", "/x"), None);
        assert_eq!(with_origin_path("<Origin><Id>web</Id>", "web", "/x"), None);
    }
}
