//! What the demo came to.

use jiff::SignedDuration;
use lockstep::verdict::Verdict;
use serde::Serialize;

use super::releases::Release;
use crate::exit::Exit;
use crate::view::duration::words;
use crate::view::table::sentence;
use crate::view::{Report, table};

/// The demo's result, as `--json` prints it at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoReport {
    event: &'static str,
    /// Whether every release ended as it had to.
    pub as_expected: bool,
    /// The releases, in order.
    pub releases: Vec<DemoRow>,
}

/// One release of the demo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoRow {
    /// The version that was pushed.
    pub version: &'static str,
    /// What it is.
    pub story: &'static str,
    /// The deployment's id.
    pub deployment: String,
    /// Its verdict; `null` when it got none.
    pub verdict: Option<Verdict>,
    /// The verdict it had to get.
    pub expected: Verdict,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Why, in a sentence.
    pub reason: String,
    /// The version that the service runs afterwards, as ECS says.
    pub serving: String,
    /// What a visitor read afterwards; `null` where no containers run.
    pub answer: Option<String>,
    /// Whether verdict and serving version are what they had to be.
    pub as_expected: bool,
}

impl DemoRow {
    /// Whether a release ended as it had to: its verdict, what the service runs, and what
    /// a visitor is told.
    pub fn judge(
        release: &Release,
        verdict: Option<Verdict>,
        serving: &str,
        answer: Option<&str>,
    ) -> bool {
        let told =
            answer.is_none_or(|answer| answer.ends_with(&format!("version {}", release.serves)));
        verdict == Some(release.verdict) && serving == release.serves && told
    }

    fn row(&self) -> [String; 6] {
        let took = SignedDuration::try_from_secs_f64(self.seconds).unwrap_or_default();
        let verdict = self
            .verdict
            .map_or_else(|| "none".to_owned(), |verdict| verdict.to_string());
        let verdict = if self.as_expected {
            verdict
        } else {
            format!("{verdict} (expected {})", self.expected)
        };
        let serving = match &self.answer {
            Some(answer) => format!("{}: \"{answer}\"", self.serving),
            None => self.serving.clone(),
        };
        [
            self.version.to_owned(),
            self.deployment.clone(),
            verdict,
            words(took),
            sentence(&self.reason).to_owned(),
            serving,
        ]
    }
}

impl DemoReport {
    /// The result of all releases.
    pub fn new(releases: Vec<DemoRow>) -> Self {
        let as_expected = releases.iter().all(|row| row.as_expected);
        Self {
            event: "demo",
            as_expected,
            releases,
        }
    }

    /// The demo's exit code: good only if everything ended as it had to.
    pub const fn exit(&self) -> Exit {
        if self.as_expected {
            Exit::Good
        } else {
            Exit::Bad
        }
    }
}

impl Report for DemoReport {
    fn text(&self) -> String {
        let mut all = table::new(&[
            "PUSHED",
            "DEPLOYMENT",
            "VERDICT",
            "TOOK",
            "WHY",
            "SERVING AFTERWARDS",
        ]);
        for row in &self.releases {
            all.add_row(row.row());
        }
        let result = if self.as_expected {
            "Everything ended as it had to: the good releases are live, the bad ones were put back."
        } else {
            "Not everything ended as it had to. The logs are in .lockstep/logs."
        };
        format!("{}\n\n{result}", table::text(&mut all, 0))
    }
}

#[cfg(test)]
mod tests {
    use lockstep::verdict::Verdict;

    use super::super::releases::RELEASES;
    use super::{DemoReport, DemoRow};
    use crate::view::Report;

    fn row(at: usize, verdict: Verdict, serving: &str, answer: &str) -> DemoRow {
        let release = &RELEASES[at];
        DemoRow {
            version: release.version.tag,
            story: release.story,
            deployment: format!("01JD5Q6Z8G000000000000000{at}"),
            verdict: Some(verdict),
            expected: release.verdict,
            seconds: 21.4,
            reason: "Live and verified.".into(),
            serving: serving.into(),
            answer: Some(answer.into()),
            as_expected: DemoRow::judge(release, Some(verdict), serving, Some(answer)),
        }
    }

    #[test]
    fn a_good_end_is_exit_code_0() {
        let report = DemoReport::new(vec![
            row(1, Verdict::Succeeded, "v2", "hello from version v2"),
            row(2, Verdict::RolledBack, "v2", "hello from version v2"),
        ]);
        insta::assert_snapshot!(report.text());
        assert_eq!(report.exit().code(), 0);
    }

    #[test]
    fn the_right_verdict_with_the_wrong_version_serving_is_not_good() {
        let wrong = row(2, Verdict::RolledBack, "v3", "hello from version v2");
        assert_eq!(DemoReport::new(vec![wrong]).exit().code(), 1);
        let silent = row(3, Verdict::RolledBack, "v2", "HTTP 502: no target");
        assert_eq!(DemoReport::new(vec![silent]).exit().code(), 1);
        let dirty = row(2, Verdict::FailedDirty, "v2", "hello from version v2");
        assert_eq!(dirty.row()[2], "FAILED_DIRTY (expected ROLLED_BACK)");
    }
}
