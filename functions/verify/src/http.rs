//! The HTTP checks of an environment.

use std::time::Duration;

use futures_util::future::join_all;
use lockstep::PhaseError;
use lockstep::manifest::HttpCheck;
use lockstep_aws::{HttpAnswer, HttpFailure, HttpGet};

use crate::progress::{Look, Tried};

/// Asks every check that has not passed yet, once and all at the same time. `None` when
/// all have passed.
///
/// # Errors
/// [`PhaseError::Unhealthy`] when a check has used up its attempts.
pub(crate) async fn ask(
    http: &HttpGet,
    checks: &[HttpCheck],
    tried: &mut Vec<Tried>,
) -> Result<Option<Look>, PhaseError> {
    tried.resize(checks.len(), Tried::default());
    let open = checks
        .iter()
        .zip(tried.iter_mut())
        .filter(|(_, tried)| !tried.passed);
    let judged = join_all(open.map(async |(check, tried)| {
        let answer = http
            .get(
                &check.url,
                Duration::from_secs(check.timeout_seconds.into()),
            )
            .await;
        judge(check, tried, answer).map(|note| note.map(|note| (check.interval_seconds, note)))
    }));
    let mut again = None;
    for open in judged.await {
        if let Some((interval, note)) = open? {
            again = again.or(Some(Look::Again {
                wait_seconds: interval.max(1),
                note,
            }));
        }
    }
    Ok(again)
}

/// Counts one attempt. `None` when it passed, a note when there are attempts left.
fn judge(
    check: &HttpCheck,
    tried: &mut Tried,
    answer: Result<HttpAnswer, HttpFailure>,
) -> Result<Option<String>, PhaseError> {
    tried.attempts += 1;
    let found = match answer {
        Ok(answer) if answer.status == check.status => {
            tried.passed = true;
            return Ok(None);
        }
        Ok(answer) => format!("answered {}, expected {}", answer.status, check.status),
        Err(failure) => failure.to_string(),
    };
    let (done, all) = (tried.attempts, check.attempts);
    if done >= all {
        return Err(PhaseError::Unhealthy {
            signal: format!("GET {}: {found}; {done} of {all} attempts", check.url),
        });
    }
    Ok(Some(format!(
        "GET {}: {found}; attempt {done} of {all}",
        check.url
    )))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use lockstep::manifest::HttpCheck;
    use lockstep_aws::HttpGet;

    use super::ask;
    use crate::progress::{Look, Tried};

    fn check(url: &str, attempts: u32) -> HttpCheck {
        HttpCheck {
            url: url.to_owned(),
            status: 200,
            attempts,
            interval_seconds: 6,
            timeout_seconds: 5,
        }
    }

    /// A server that answers with these statuses in turn.
    fn server(statuses: &'static [u16]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/health", listener.local_addr().unwrap());
        thread::spawn(move || {
            for status in statuses {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]);
                write!(
                    stream,
                    "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )
                .unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn a_check_is_asked_until_it_passes_and_not_again() {
        let checks = [check(&server(&[503, 200]), 3), check(&server(&[200]), 3)];
        let (http, mut tried) = (HttpGet::default(), Vec::new());
        let note = format!(
            "GET {}: answered 503, expected 200; attempt 1 of 3",
            checks[0].url
        );
        assert_eq!(
            ask(&http, &checks, &mut tried).await,
            Ok(Some(Look::Again {
                wait_seconds: 6,
                note
            }))
        );
        assert_eq!(ask(&http, &checks, &mut tried).await, Ok(None));
        assert_eq!(
            tried,
            [
                Tried {
                    attempts: 2,
                    passed: true
                },
                Tried {
                    attempts: 1,
                    passed: true
                }
            ]
        );
    }

    #[tokio::test]
    async fn the_last_attempt_fails_the_release_with_its_reason() {
        let checks = [check("http://127.0.0.1:1/health", 1)];
        let error = ask(&HttpGet::default(), &checks, &mut Vec::new())
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "GET http://127.0.0.1:1/health: the connection was refused; 1 of 1 attempts"
        );
        assert_eq!(error.name(), "Unhealthy");
    }

    #[tokio::test]
    async fn no_checks_have_passed_already() {
        assert_eq!(
            ask(&HttpGet::default(), &[], &mut Vec::new()).await,
            Ok(None)
        );
    }
}
