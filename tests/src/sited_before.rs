//! A site as an earlier deployment left it, without having to deploy it.

use std::collections::BTreeMap;

use lockstep::site::{FileEntry, Inventory, Kind, inventory_key, prefix};

use crate::stacked::sha256;
use crate::{ENVIRONMENT, FleetSnapshot, Sited, World};

/// The release that is live.
const RELEASE: &str = "0123456789abcdef0123";

impl World {
    /// A site whose live release consists of these files: path, `Content-Type` and content.
    pub async fn sited_with(&self, name: &str, files: &[(&str, &str, &str)]) -> Sited<'_> {
        let scope = format!("releases/{name}/{ENVIRONMENT}/web/");
        let prefix = prefix(&scope, RELEASE);
        let site = self
            .sited_at(name, &format!("/{}", prefix.trim_end_matches('/')))
            .await;
        let mut inventory = Inventory {
            release: RELEASE.to_owned(),
            label: "release 1.0.0".to_owned(),
            files: BTreeMap::new(),
            ..Inventory::default()
        };
        for (path, content_type, content) in files {
            let file = entry(path, content_type, content);
            site.put(&format!("{prefix}{path}"), &file, content).await;
            inventory.files.insert((*path).to_owned(), file);
        }
        let list = serde_json::to_string(&inventory).unwrap();
        let file = entry("list.json", "application/json", &list);
        site.put(&inventory_key(&scope, RELEASE), &file, &list)
            .await;
        site
    }
}

fn entry(path: &str, content_type: &str, content: &str) -> FileEntry {
    let (kind, control) = match path {
        _ if path.contains(".html") => (Kind::Page, "no-cache"),
        _ if path.starts_with("assets/") => {
            (Kind::Immutable, "public, max-age=31536000, immutable")
        }
        _ => (Kind::Other, "public, max-age=300"),
    };
    FileEntry {
        sha256: sha256(content),
        size: content.len() as u64,
        content_type: content_type.to_owned(),
        control: control.to_owned(),
        kind,
    }
}

impl Sited<'_> {
    async fn put(&self, key: &str, file: &FileEntry, content: &str) {
        let put = self.world.clients().s3.put_object().bucket(&self.name);
        let put = put.key(key).content_type(&file.content_type);
        let put = put.cache_control(&file.control);
        let body = content.as_bytes().to_vec().into();
        put.body(body).send().await.unwrap();
    }

    /// What the ledger keeps of its environment.
    pub async fn kept(&self) -> FleetSnapshot {
        let partition = format!("env#{}#{ENVIRONMENT}", self.name);
        FleetSnapshot {
            functions: BTreeMap::new(),
            environment: self.world.ledger_items(&partition).await,
        }
    }
}
