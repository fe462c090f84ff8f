use serde_json::{Value, json};

use super::{Invoked, checked};
use crate::lambda::testing::{Account, resolved, zip};
use crate::manifest::{FunctionCheck, FunctionConfiguration};

const LOGS: &str = "https://logs";

fn told(check: &Value, version: &str, invoked: &Invoked) -> Option<String> {
    let alias = (version != "$LATEST").then_some("live");
    let resolved = resolved(alias, FunctionConfiguration::default());
    let account = Account::new('a', alias.is_some());
    let change = account.plan(&resolved, Some(&zip('b'))).unwrap().unwrap();
    let check: FunctionCheck = serde_json::from_value(check.clone()).unwrap();
    let outcome = checked(&change, &check, (version, LOGS), invoked);
    outcome.err().map(|error| {
        assert_eq!(error.name(), "Unhealthy");
        error.to_string()
    })
}

fn failed(error: &Value) -> Invoked {
    Invoked::Failed(error.to_string().into_bytes())
}

fn answered(answer: &Value) -> Invoked {
    Invoked::Answered(answer.to_string().into_bytes())
}

#[test]
fn an_error_is_told_in_its_own_words_and_one_line() {
    let error = failed(&json!({
        "errorType": "Runtime.ImportModuleError",
        "errorMessage": "Unable to import module 'index': No module named 'shop'\nTraceback",
        "stackTrace": ["secret"],
    }));
    assert_eq!(
        told(&json!({}), "8", &error).unwrap(),
        "function shop-api:live: version 8 failed its check: Runtime.ImportModuleError: \
         Unable to import module 'index': No module named 'shop'; see https://logs"
    );
    assert_eq!(
        told(
            &json!({}),
            "$LATEST",
            &failed(&json!({"errorType": "Runtime.ExitError"}))
        )
        .unwrap(),
        "function shop-api: the new code failed its check: Runtime.ExitError; see https://logs"
    );
    for nothing in [failed(&Value::Null), Invoked::Failed(b"no JSON".to_vec())] {
        let text = told(&json!({}), "8", &nothing).unwrap();
        assert!(
            text.contains("failed its check: it gives no reason"),
            "{text}"
        );
    }
}

#[test]
fn an_error_is_cut_and_does_not_repeat_the_payload() {
    let check =
        json!({"payload": {"token": "hunter2", "list": [{"deep": "hunter2-long"}], "a": "is"}});
    let error = failed(&json!({"errorMessage": "hunter2-long and hunter2 is wrong"}));
    let text = told(&check, "8", &error).unwrap();
    assert!(text.contains(": … and … is wrong;"), "{text}");
    let long = failed(&json!({"errorMessage": "é".repeat(1000)}));
    let text = told(&json!({}), "8", &long).unwrap();
    assert!(text.contains(&format!("{}…;", "é".repeat(200))), "{text}");
}

#[test]
fn silence_and_failed_calls_are_told_apart() {
    let check = json!({"timeout_seconds": 3});
    let text = told(&check, "8", &Invoked::Late).unwrap();
    assert!(
        text.contains("version 8 did not answer its check within 3 s"),
        "{text}"
    );
    let lost = Invoked::Unknown("ServiceException: x".into());
    let text = told(&check, "8", &lost).unwrap();
    assert!(
        text.contains("version 8 could not be checked: ServiceException: x"),
        "{text}"
    );
}

#[test]
fn any_answer_will_do_where_nothing_is_expected() {
    assert_eq!(told(&json!({}), "8", &answered(&Value::Null)), None);
    assert_eq!(told(&json!({}), "8", &Invoked::Answered(Vec::new())), None);
}

#[test]
fn an_answer_must_have_what_is_expected_and_may_have_more() {
    let check = json!({"expect": {"status": 200, "body": {"ok": true, "list": [1, {"a": "b"}]}}});
    let answer = |status: Value, list: Value| {
        answered(
            &json!({"more": 1, "status": status, "body": {"x": null, "ok": true, "list": list}}),
        )
    };
    let list = || json!([1.0, {"a": "b", "c": 1}]);
    assert_eq!(told(&check, "8", &answer(200.into(), list())), None);
    assert_eq!(told(&check, "8", &answer(json!(200.0), list())), None);
    for (answer, fault) in [
        (answer(500.into(), list()), "`status` is 500, expected 200"),
        (
            answer("secret".into(), list()),
            "`status` is a text, expected 200",
        ),
        (
            answer(200.into(), json!([1])),
            "`body.list` is a list of 1, expected a list of 2",
        ),
        (
            answer(200.into(), json!([1, {}])),
            "there is no `body.list[1].a`",
        ),
        (
            answer(200.into(), json!([1, {"a": "x"}])),
            "`body.list[1].a` is another text",
        ),
        (answered(&json!({})), "there is no `status`"),
        (answered(&json!("ok")), "it is no JSON object"),
        (Invoked::Answered(Vec::new()), "it is no JSON object"),
    ] {
        let text = told(&check, "8", &answer).unwrap();
        let expected = format!("gave its check another answer than expected: {fault}; see");
        assert!(text.contains(&expected), "{text}");
    }
}
