//! A front end whose new release takes the place of one that is live.

use lockstep_tests::{Execution, FleetSnapshot, Sited, Viewed, World};

/// What viewers ask for: the page, both scripts, and a style that stays as it is.
const PATHS: [&str; 4] = [
    "/",
    "/assets/index-1aBcDeF1.js",
    "/assets/index-2aBcDeF1.js",
    "/style.css",
];

/// The version of the new release.
const VERSION: &str = "1.1.0";

/// What is forgotten, there and back.
const FORGOTTEN: [&str; 2] = ["/", "/index.html"];

/// A site with a live release and a new one beside it, which is not uploaded yet.
pub struct SiteSubject<'w> {
    site: Sited<'w>,
    hash: String,
}

/// What there is of it.
#[derive(Debug)]
pub struct SeenSite {
    path: String,
    views: Vec<Viewed>,
    forgotten: Vec<(String, Vec<String>)>,
    /// What the ledger keeps.
    pub kept: FleetSnapshot,
}

fn page(number: u32) -> String {
    format!(
        "<link rel=\"stylesheet\" href=\"/style.css\"><script src=\"/assets/index-{number}aBcDeF1.js\"></script>"
    )
}

fn script(number: u32) -> String {
    format!("console.log({number})")
}

impl<'w> SiteSubject<'w> {
    /// With a new release whose script is there, or is not.
    pub async fn prepare(world: &'w World, name: &str, is_good: bool) -> Self {
        let (old, style) = (page(1), "p { color: red }");
        let site = world
            .sited_with(
                name,
                &[
                    ("index.html", "text/html; charset=utf-8", &old),
                    (
                        "assets/index-1aBcDeF1.js",
                        "text/javascript; charset=utf-8",
                        &script(1),
                    ),
                    ("style.css", "text/css; charset=utf-8", style),
                ],
            )
            .await;
        site.apply("").await;
        site.write("index.html", &page(2));
        site.write("style.css", style);
        if is_good {
            site.write("assets/index-2aBcDeF1.js", &script(2));
        }
        let hash = site.bundle();
        Self { site, hash }
    }

    /// Uploads the release.
    pub async fn release(&self) -> Execution<'w> {
        self.site.release(VERSION).await
    }

    /// Whether an artifact on hold is the new one.
    pub fn has(&self, held: &str) -> bool {
        held.ends_with(&self.hash)
    }

    /// What viewers get now.
    pub async fn look(&self) -> SeenSite {
        let mut views = Vec::new();
        for path in PATHS {
            views.push(self.site.view(path).await);
        }
        SeenSite {
            path: self.site.origin_path().await,
            views,
            forgotten: self.site.forgotten().await,
            kept: self.site.kept().await,
        }
    }
}

impl SeenSite {
    /// Whether viewers get the same, and no cache keeps anything else.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        let all = [self, other].into_iter();
        let mut last = all.filter_map(|it| it.forgotten.last());
        self.path == other.path
            && self.views == other.views
            && last.all(|(reference, paths)| reference.ends_with("-undo") && *paths == FORGOTTEN)
    }

    /// Whether viewers get the new release, with the script of the old page, and no cache keeps anything else.
    pub fn is_released_after(&self, before: &Self) -> bool {
        let bodies: Vec<_> = self.views.iter().map(|it| it.body.as_str()).collect();
        let last = self.forgotten.last();
        self.path != before.path
            && bodies == [&page(2), &script(1), &script(2), "p { color: red }"]
            && self.views[1] == before.views[1]
            && last.is_some_and(|(_, paths)| *paths == FORGOTTEN)
    }
}
