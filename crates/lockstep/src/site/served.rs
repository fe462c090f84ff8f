//! Whose page it is that viewers see.

use super::{Inventory, Looked, SiteStep};

/// Whose page a viewer got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// That of the new release, or one of which that cannot be said.
    Ours,
    /// Another one, so shortly after the switch that this edge location may not have heard of it.
    NotYet,
    /// Another one.
    Another,
}

/// Whose page it is that was served at this address, by the hash of it. It is only asked where a
/// key is the switch: nothing but the page itself says that the function reads this key, and that
/// the edge location has its new value.
pub fn served_page(step: &SiteStep, seen: &Looked, address: &str, sha256: &str) -> Served {
    let file = seen.inventory.as_ref().and_then(|it| page(it, address));
    let is_another = file.is_some_and(|wanted| wanted != sha256);
    match (
        step.switch.keeps_releases_apart() && is_another,
        seen.pointer.settling,
    ) {
        (false, _) => Served::Ours,
        (true, true) => Served::NotYet,
        (true, false) => Served::Another,
    }
}

/// The hash of the file that an address means, if the release has one for it.
fn page<'a>(inventory: &'a Inventory, address: &str) -> Option<&'a str> {
    let (_, rest) = address.split_once("://")?;
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = match path {
        "" => "index.html".to_owned(),
        folder if folder.ends_with('/') => format!("{folder}index.html"),
        file => file.to_owned(),
    };
    inventory.files.get(&path).map(|it| it.sha256.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::inventory::testing::inventory;
    use super::super::planning::testing::{distribution, step};
    use super::super::{Looked, Pointer, Switch};
    use super::{Served, served_page};

    fn seen(settling: bool) -> Looked {
        Looked {
            distribution: distribution(""),
            inventory: Some(inventory("2", &["index.html=new", "docs/index.html=docs"])),
            before: None,
            pointer: Pointer {
                path: String::new(),
                settling,
            },
            replaced: None,
            invalidation: None,
        }
    }

    #[test]
    fn a_page_is_known_by_its_content() {
        let mut step = step();
        step.switch = Switch::KeyValueStore {
            arn: "a".into(),
            key: "k".into(),
        };
        for (address, content, settling, wanted) in [
            ("https://d/", "new", false, Served::Ours),
            ("https://d", "new", false, Served::Ours),
            ("https://d/index.html?a=/b", "new", true, Served::Ours),
            ("https://d/docs/#x", "docs", false, Served::Ours),
            ("https://d/", "old", true, Served::NotYet),
            ("https://d/", "old", false, Served::Another),
            ("https://d/docs/", "new", false, Served::Another),
            ("https://d/made/elsewhere", "x", false, Served::Ours),
        ] {
            let served = served_page(&step, &seen(settling), address, content);
            assert_eq!(served, wanted, "{address} {content}");
        }
        step.switch = Switch::OriginPath;
        let served = served_page(&step, &seen(false), "https://d/", "old");
        assert_eq!(
            served,
            Served::Ours,
            "CloudFront itself says when it is deployed"
        );
    }
}
