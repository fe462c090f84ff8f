//! What to do next about a site, from nothing but a look at it.

use super::{
    Inventory, LiveDistribution, Pointer, Replaced, SiteStep, Switch, forgotten, in_place,
    marker_key,
};
use crate::PhaseError;

/// All that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The distribution.
    pub distribution: LiveDistribution,
    /// The list of the new release's files; `None` until all of them are there.
    pub inventory: Option<Inventory>,
    /// That of the release before; `None` where there is none.
    pub before: Option<Inventory>,
    /// What the key says, where viewers are sent to a release by one.
    pub pointer: Pointer,
    /// What this deployment replaces, where releases lie in place; `None` until that lies aside.
    pub replaced: Option<Replaced>,
    /// The deployment's own invalidation, or that of its undo.
    pub invalidation: Option<Invalidation>,
}

/// An invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalidation {
    /// Whether all edge locations forgot.
    pub completed: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Do {
    /// Put the files there, and their list once all of them are.
    Upload,
    /// Copy aside what is about to be replaced, and write down what that is.
    Keep,
    /// Put the files in place of others, and then the mark.
    Replace,
    /// Put back what was replaced, and then the mark.
    Restore,
    /// Another path, in place of what it is.
    Switch {
        /// What it is.
        from: String,
        /// What it becomes.
        to: String,
    },
    /// Have these paths forgotten.
    Invalidate(Vec<String>),
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A call.
    Act(Do),
    /// CloudFront is at work.
    Wait {
        /// At what.
        note: String,
    },
    /// The release is live everywhere: look whether it works.
    Check,
    /// Nothing is left to do.
    Done {
        /// What was done.
        summary: String,
    },
}

/// What to do next to bring the release about.
///
/// # Errors
/// [`PhaseError::Diverged`] when somebody else changed the origin meanwhile.
pub fn next(step: &SiteStep, seen: &Looked) -> Result<Next, PhaseError> {
    let path = path(step, seen)?;
    if path == step.after() {
        let Some(inventory) = &seen.inventory else {
            return Err(diverged(
                step,
                "a release without its list of files".to_owned(),
            ));
        };
        let forgotten = forgotten(step, seen, inventory);
        return Ok(settle(step, seen, forgotten).unwrap_or(Next::Check));
    }
    if path != step.before {
        return Err(other_path(step, path));
    }
    if step.in_place().is_some() {
        return match &seen.replaced {
            None => Ok(Next::Act(Do::Keep)),
            Some(it) if it.restored => Err(in_place::put_back_already(step)),
            Some(_) => Ok(Next::Act(Do::Replace)),
        };
    }
    let before = seen.before.as_ref().map(|it| it.release.as_str());
    let ready = |it: &Inventory| it.is_ready_after(before);
    if !seen.inventory.as_ref().is_some_and(ready) {
        return Ok(Next::Act(Do::Upload));
    }
    Ok(Next::Act(Do::Switch {
        from: path.to_owned(),
        to: step.after(),
    }))
}

/// What to do next to put back what was live before. What was uploaded stays until it is
/// superfluous: nothing serves it.
///
/// # Errors
/// [`PhaseError::Diverged`] when somebody else changed the origin meanwhile.
pub fn undo_next(step: &SiteStep, seen: &Looked) -> Result<Next, PhaseError> {
    let path = path(step, seen)?;
    if step.in_place().is_some() {
        return undo_in_place(step, seen, path);
    }
    if path == step.after() {
        return Ok(Next::Act(Do::Switch {
            from: path.to_owned(),
            to: step.before.clone(),
        }));
    }
    if path != step.before {
        return Err(other_path(step, path));
    }
    let Some(inventory) = &seen.inventory else {
        return Ok(Next::Done {
            summary: "was never live; nothing to put back".to_owned(),
        });
    };
    // Whether it was live for a moment cannot be told from what is there now.
    let forgotten = forgotten(step, seen, inventory);
    let done = || Next::Done {
        summary: format!("serves {} again", step.before_label()),
    };
    Ok(settle(step, seen, forgotten).unwrap_or_else(done))
}

/// The same where releases lie in place: whatever was replaced is put back, however little that is.
fn undo_in_place(step: &SiteStep, seen: &Looked, path: &str) -> Result<Next, PhaseError> {
    if path != step.after() && path != step.before {
        return Err(other_path(step, path));
    }
    let Some(list) = &seen.replaced else {
        return Ok(Next::Done {
            summary: "was never live; nothing to put back".to_owned(),
        });
    };
    if !list.restored {
        return Ok(Next::Act(Do::Restore));
    }
    let done = || Next::Done {
        summary: format!("serves {} again", step.before_label()),
    };
    let forgotten = forgotten(step, seen, &list.inventory);
    Ok(settle(step, seen, forgotten).unwrap_or_else(done))
}

/// What is left until all edge locations serve what the distribution says. What they keep may be
/// forgotten only once all of them ask the right place for it.
fn settle(step: &SiteStep, seen: &Looked, forgotten: Vec<String>) -> Option<Next> {
    let wait = |note: &str| {
        Some(Next::Wait {
            note: note.to_owned(),
        })
    };
    // Nothing of the distribution was changed where a key is the switch, or a mark.
    let by_path = step.switch == Switch::OriginPath && step.in_place().is_none();
    if by_path && !seen.distribution.deployed {
        return wait("CloudFront brings the new origin path to its edge locations");
    }
    if forgotten.is_empty() {
        return None;
    }
    match seen.invalidation {
        None => Some(Next::Act(Do::Invalidate(forgotten))),
        Some(it) if !it.completed => wait("CloudFront forgets what changed"),
        Some(_) => None,
    }
}

fn path<'a>(step: &SiteStep, seen: &'a Looked) -> Result<&'a str, PhaseError> {
    let origin = seen.distribution.origin(&step.origin);
    let origin = origin.filter(|it| it.is_bucket(&step.bucket));
    let origin = origin.ok_or_else(|| {
        diverged(
            step,
            format!("no origin {} with the bucket {}", step.origin, step.bucket),
        )
    })?;
    if step.in_place().is_some() {
        return Ok(&seen.pointer.path);
    }
    match step.switch {
        Switch::OriginPath => Ok(&origin.path),
        Switch::KeyValueStore { .. } if origin.path.is_empty() => Ok(&seen.pointer.path),
        Switch::KeyValueStore { .. } => Err(diverged(
            step,
            format!("the origin path `{}`, before all of them", origin.path),
        )),
    }
}

fn other_path(step: &SiteStep, path: &str) -> PhaseError {
    diverged(step, format!("{} `{path}`", place(step)))
}

/// Where it stands what is live, for people.
fn place(step: &SiteStep) -> String {
    match step.in_place() {
        Some(_) => format!("the mark s3://{}/{}", step.bucket, marker_key(&step.scope)),
        None => step.switch.place(),
    }
}

fn diverged(step: &SiteStep, found: String) -> PhaseError {
    let SiteStep {
        distribution,
        before,
        ..
    } = step;
    PhaseError::Diverged {
        resource: format!("{} (distribution {distribution})", step.resource()),
        expected: format!("{} `{before}` or `{}`", place(step), step.after()),
        found,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::super::inventory::testing::inventory;
    use super::super::planning::testing::{BEFORE, distribution, step};
    use super::super::{Inventory, Layout, Pointer, SiteStep, Switch, replaced};
    use super::{Do, Invalidation, Looked, Next, next, undo_next};

    fn seen(step: &SiteStep, path: &str) -> Looked {
        let before = inventory(step.release_before().unwrap(), &["index.html=1"]);
        let after = Inventory {
            after: [before.release.clone()].into(),
            ..inventory(&step.release, &["index.html=2"])
        };
        Looked {
            distribution: distribution(path),
            inventory: Some(after),
            before: Some(before),
            pointer: Pointer::default(),
            replaced: None,
            invalidation: None,
        }
    }

    /// The same step, by a key of a store.
    fn by_key(mut step: SiteStep) -> SiteStep {
        step.switch = Switch::KeyValueStore {
            arn: "arn:aws:cloudfront::000000000000:key-value-store/s".into(),
            key: "quiz/production/web".into(),
        };
        step
    }

    fn seen_by_key(step: &SiteStep, path: &str) -> Looked {
        let pointer = Pointer {
            path: path.into(),
            settling: false,
        };
        Looked {
            pointer,
            ..seen(step, "")
        }
    }

    fn word(next: &Next) -> &'static str {
        match next {
            Next::Act(Do::Upload) => "upload",
            Next::Act(Do::Keep) => "keep",
            Next::Act(Do::Replace) => "replace",
            Next::Act(Do::Restore) => "restore",
            Next::Act(Do::Switch { .. }) => "switch",
            Next::Act(Do::Invalidate(_)) => "invalidate",
            Next::Wait { .. } => "wait",
            Next::Check => "check",
            Next::Done { .. } => "done",
        }
    }

    #[test]
    fn one_thing_after_the_other_until_all_edges_serve_it() {
        let step = step();
        let (before, after) = (step.before.clone(), step.after());
        let said = |seen: &Looked| word(&next(&step, seen).unwrap());
        let mut at = seen(&step, &before);
        at.inventory = None;
        assert_eq!(said(&at), "upload");
        at.inventory = Some(inventory(&step.release, &["index.html=2"]));
        assert_eq!(said(&at), "upload", "nothing was carried over yet");
        assert_eq!(said(&seen(&step, &before)), "switch");
        let mut at = seen(&step, &after);
        at.distribution.deployed = false;
        assert_eq!(said(&at), "wait");
        at.distribution.deployed = true;
        assert_eq!(
            next(&step, &at).unwrap(),
            Next::Act(Do::Invalidate(vec!["/".into(), "/index.html".into()]))
        );
        at.invalidation = Some(Invalidation { completed: false });
        assert_eq!(said(&at), "wait");
        at.invalidation = Some(Invalidation { completed: true });
        assert_eq!(said(&at), "check");
    }

    #[test]
    fn where_nothing_but_hashed_files_changed_nothing_is_forgotten() {
        let step = step();
        let mut at = seen(&step, &step.after());
        at.before = at.inventory.clone();
        assert_eq!(next(&step, &at).unwrap(), Next::Check);
    }

    #[test]
    fn what_took_the_place_of_something_unknown_is_forgotten_as_a_whole() {
        let step = step();
        let mut at = seen(&step, &step.after());
        at.before = None;
        assert_eq!(
            next(&step, &at).unwrap(),
            Next::Act(Do::Invalidate(vec!["/*".into()]))
        );
    }

    #[test]
    fn undo_goes_back_and_has_the_same_forgotten_again() {
        let step = step();
        let said = |seen: &Looked| word(&undo_next(&step, seen).unwrap());
        let at = seen(&step, &step.after());
        assert_eq!(
            undo_next(&step, &at).unwrap(),
            Next::Act(Do::Switch {
                from: step.after(),
                to: step.before.clone()
            })
        );
        let mut at = seen(&step, &step.before);
        at.distribution.deployed = false;
        assert_eq!(said(&at), "wait");
        at.distribution.deployed = true;
        assert_eq!(said(&at), "invalidate");
        at.invalidation = Some(Invalidation { completed: true });
        assert_eq!(said(&at), "done");
        at.inventory = None;
        at.invalidation = None;
        assert_eq!(said(&at), "done", "what was never whole was never live");
    }

    #[test]
    fn what_somebody_else_did_is_left_alone() {
        let step = step();
        for path in ["/releases/ffffffffffffffffffff", "", "/other"] {
            let at = seen(&step, path);
            assert_eq!(next(&step, &at).unwrap_err().name(), "Diverged");
            assert_eq!(undo_next(&step, &at).unwrap_err().name(), "Diverged");
        }
        let mut at = seen(&step, &step.before);
        at.distribution.origins.clear();
        assert_eq!(next(&step, &at).unwrap_err().name(), "Diverged");
    }

    #[test]
    fn a_key_is_live_at_once_and_nothing_is_forgotten() {
        let step = by_key(step());
        let said = |seen: &Looked| word(&next(&step, seen).unwrap());
        assert_eq!(said(&seen_by_key(&step, &step.before)), "switch");
        let mut at = seen_by_key(&step, &step.after());
        at.distribution.deployed = false;
        assert_eq!(
            said(&at),
            "check",
            "whatever else is done to the distribution"
        );
        assert_eq!(word(&undo_next(&step, &at).unwrap()), "switch");
        let at = seen_by_key(&step, &step.before);
        assert_eq!(word(&undo_next(&step, &at).unwrap()), "done");
    }

    #[test]
    fn what_the_manifest_names_is_forgotten_although_a_key_is_the_switch() {
        let mut step = by_key(step());
        step.invalidate = vec!["/blog/*".into()];
        let at = seen_by_key(&step, &step.after());
        let asked = Next::Act(Do::Invalidate(vec!["/blog/*".into()]));
        assert_eq!(next(&step, &at).unwrap(), asked);
        let at = seen_by_key(&step, &step.before);
        assert_eq!(undo_next(&step, &at).unwrap(), asked);
    }

    #[test]
    fn a_first_release_by_key_takes_the_place_of_no_key() {
        let mut step = by_key(step());
        let mut at = seen_by_key(&step, "");
        step.before = String::new();
        at.before = None;
        let to = step.after();
        let from = String::new();
        assert_eq!(
            next(&step, &at).unwrap(),
            Next::Act(Do::Switch { from, to })
        );
    }

    #[test]
    fn a_key_or_a_path_that_somebody_else_set_is_left_alone() {
        let step = by_key(step());
        let mut moved = seen_by_key(&step, &step.before);
        moved.distribution = distribution("/moved");
        for at in [seen_by_key(&step, "/theirs"), seen_by_key(&step, ""), moved] {
            assert_eq!(next(&step, &at).unwrap_err().name(), "Diverged");
            assert_eq!(undo_next(&step, &at).unwrap_err().name(), "Diverged");
        }
        let told = next(&step, &seen_by_key(&step, "/theirs")).unwrap_err();
        let told = told.to_string();
        assert!(
            told.contains("the key quiz/production/web `/theirs`"),
            "{told}"
        );
    }

    fn in_place(mut step: SiteStep) -> SiteStep {
        step.layout = Layout::InPlace {
            prefix: String::new(),
            seen_below: String::new(),
        };
        step.before = BEFORE.to_owned();
        step
    }

    #[test]
    fn in_place_nothing_is_replaced_before_it_lies_aside() {
        let step = in_place(step());
        let said = |seen: &Looked| word(&next(&step, seen).unwrap());
        let back = |seen: &Looked| word(&undo_next(&step, seen).unwrap());
        let mut at = seen_by_key(&step, BEFORE);
        assert_eq!((said(&at), back(&at)), ("keep", "done"));
        let two = at.inventory.clone().unwrap();
        let there = [("index.html".to_owned(), 1)].into();
        at.replaced = Some(replaced(two, at.before.as_ref(), &there));
        assert_eq!((said(&at), back(&at)), ("replace", "restore"));
        at.pointer.path = step.after();
        assert_eq!((said(&at), back(&at)), ("invalidate", "restore"));
        at.invalidation = Some(Invalidation { completed: true });
        assert_eq!(said(&at), "check");
        at.pointer.path = BEFORE.into();
        at.replaced.as_mut().unwrap().restored = true;
        assert_eq!(back(&at), "done");
        at.invalidation = None;
        assert_eq!(back(&at), "invalidate");
        assert_eq!(next(&step, &at).unwrap_err().name(), "Rejected");
        at.pointer.path = "somebody else".into();
        assert_eq!(undo_next(&step, &at).unwrap_err().name(), "Diverged");
    }
}
