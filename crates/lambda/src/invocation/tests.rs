use std::time::Duration;

use lockstep::lambda::Invoked;
use serde_json::{Map, json};
use tokio::time::Instant;

use crate::testing::{asked, error, lambda, ok};
use crate::{Lambda, Sent};

const PATIENCE: Duration = Duration::from_secs(10);

async fn invoke(lambda: &Lambda) -> Result<Sent<Invoked>, lockstep::PhaseError> {
    let payload = Map::from_iter([("ping".to_owned(), true.into())]);
    lambda.invoke("shop-api", "8", &payload, PATIENCE).await
}

#[tokio::test]
async fn a_version_is_invoked_by_its_number() {
    let (lambda, http) = lambda(&[ok(json!({"ok": true}))]);
    let answer = br#"{"ok":true}"#.to_vec();
    assert_eq!(
        invoke(&lambda).await,
        Ok(Sent::Accepted(Invoked::Answered(answer)))
    );
    let path = "POST /2015-03-31/functions/shop-api/invocations?Qualifier=8";
    assert_eq!(asked(&http), [(path.to_owned(), json!({"ping": true}))]);
}

#[tokio::test]
async fn an_invocation_that_did_not_happen_is_asked_for_again() {
    for (status, code) in [
        (429, "TooManyRequestsException"),
        (409, "ResourceConflictException"),
        (502, "ResourceNotReadyException"),
        (409, "SnapStartNotReadyException"),
    ] {
        let (lambda, http) = lambda(&[error(status, code, "later")]);
        let sent = invoke(&lambda).await;
        assert_eq!(sent, Ok(Sent::LookAgain(format!("{code}: later"))));
        assert_eq!(http.actual_requests().count(), 1);
    }
}

#[tokio::test]
async fn an_invocation_that_may_have_happened_is_told_apart_and_never_repeated_here() {
    let (lambda, http) = lambda(&[error(500, "ServiceException", "x")]);
    let why = "ServiceException: x".to_owned();
    assert_eq!(
        invoke(&lambda).await,
        Ok(Sent::Accepted(Invoked::Unknown(why)))
    );
    assert_eq!(http.actual_requests().count(), 1);
}

#[tokio::test]
async fn what_is_refused_is_refused_in_words() {
    let (lambda, _http) = lambda(&[error(403, "AccessDeniedException", "not authorized")]);
    let text = invoke(&lambda).await.unwrap_err().to_string();
    assert!(
        text.contains("may not call lambda:InvokeFunction"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_invoked_when_the_time_is_over() {
    let (lambda, http) = lambda(&[]);
    let over = lambda.paced(15, Some(Instant::now() - Duration::from_secs(1)));
    assert!(matches!(invoke(&over).await, Ok(Sent::LookAgain(_))));
    assert_eq!(http.actual_requests().count(), 0);
}
