#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{AttachmentKind, IgnoreReason};

/// Reasons that are decided with the ledger at hand, as they are stored and shown.
#[test]
fn every_reason_is_stored_and_shown_for_a_person() {
    let (id, time) = ("01JD5Q6Z8G0000000000000000", "2026-01-16T01:54:34Z");
    let older = json!({
        "kind": "older_than_newest", "digest": "sha256:1", "pushed_at": time, "newest_digest": "sha256:2",
        "newest_pushed_at": "2026-01-17T00:00:00Z", "deployment": id,
    });
    let held = json!({
        "kind": "held", "digest": "sha256:1", "reason": "put back", "owner": "lockstep", "since": time,
        "deployment": id,
    });
    let frozen = json!({"kind": "frozen", "environment": "prod", "reason": "audit", "owner": "ana", "since": time});
    let cases = [
        (
            json!({"kind": "unknown_repository", "repository": "quiz/web"}),
            "no application has a container with images of repository quiz/web; `lockstep apply` adds one",
        ),
        (
            json!({"kind": "no_matching_tag", "repository": "quiz/web", "tag": "pr-7"}),
            "no environment deploys tag pr-7 of quiz/web by itself",
        ),
        (
            json!({"kind": "duplicate_event"}),
            "the same event was delivered before",
        ),
        (
            json!({"kind": "duplicate_event", "deployment": id}),
            "the same event was delivered before and led to deployment 01JD5Q6Z8G0000000000000000",
        ),
        (
            json!({"kind": "same_digest", "digest": "sha256:1", "deployment": id}),
            "deployment 01JD5Q6Z8G0000000000000000 took up sha256:1 already; to deploy it again, use `lockstep deploy`",
        ),
        (
            older,
            "sha256:1, pushed at 2026-01-16T01:54:34Z, is older than sha256:2, pushed at 2026-01-17T00:00:00Z, \
             which deployment 01JD5Q6Z8G0000000000000000 brought; to go back on purpose, use `lockstep deploy \
             --allow-older`",
        ),
        (
            json!({"kind": "image_gone", "repository": "quiz/web", "digest": "sha256:1"}),
            "quiz/web@sha256:1 is no longer in the repository",
        ),
        (
            held,
            "sha256:1 is held by lockstep since 2026-01-16T01:54:34Z (deployment 01JD5Q6Z8G0000000000000000): put back; \
             to deploy it all the same, use `lockstep deploy`",
        ),
        (
            frozen,
            "prod is frozen by ana since 2026-01-16T01:54:34Z: audit",
        ),
    ];
    for (stored, shown) in cases {
        let reason: IgnoreReason = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&reason).unwrap(), stored);
        assert_eq!(reason.to_string(), shown);
    }
}

#[test]
fn only_the_exact_form_is_an_attachment() {
    let hex = "0a".repeat(32);
    assert_eq!(
        AttachmentKind::of_tag(&format!("sha256-{hex}.sig")),
        Some(AttachmentKind::Signature)
    );
    assert_eq!(
        AttachmentKind::of_tag(&format!("sha256-{hex}")),
        Some(AttachmentKind::Referrers)
    );
    for tag in [
        "v1.sig",
        "sha256-0a.sig",
        &format!("sha256-{hex}.v1"),
        &format!("sha256-{hex}0.sig"),
    ] {
        assert_eq!(AttachmentKind::of_tag(tag), None, "{tag}");
    }
}
