//! Sites, with every ending.

use lockstep::verdict::Verdict;
use lockstep_tests::{Sited, World};

use crate::verdict;

/// Takes the place of files by hand, is put back, takes the place of another release, and has old ones deleted.
pub async fn one_of_each_ending(world: &World) {
    let site = world.sited("permitted-site").await;
    site.apply("    keep: 2\n").await;
    let bad = released(&site, 0, "0.9.0", false).await;
    assert_eq!(bad, Verdict::RolledBack, "put back to files by hand");
    for number in 1..=4 {
        let good = released(&site, number, &format!("1.{number}.0"), true).await;
        assert_eq!(good, Verdict::Succeeded, "release {number}");
    }
    let calls = world.engine().gateway().calls();
    for operation in ["CopyObject", "DeleteObjects"] {
        let is_such = calls
            .iter()
            .any(|call| call.name.caller == "lockstep-site" && call.name.operation == operation);
        assert!(is_such, "no {operation}");
    }
}

async fn released(site: &Sited<'_>, number: u32, version: &str, is_good: bool) -> Verdict {
    let script = format!("assets/index-{number}aBcDeF1.js");
    site.write(
        "index.html",
        &format!("<script src=\"/{script}\"></script>"),
    );
    site.write("robots.txt", "User-agent: *");
    if is_good {
        site.write(&script, &format!("console.log({number})"));
    }
    verdict(&site.release(version).await).await
}
