use serde_json::json;

use crate::testing::{asked, configuration, error, lambda, ok};

#[tokio::test]
async fn functions_are_listed_page_by_page() {
    let page = |name: &str, next: &str| {
        ok(json!({"Functions": [{"FunctionName": name}], "NextMarker": next}))
    };
    let (lambda, http) = lambda(&[page("a", "m"), page("b", "")]);
    assert_eq!(lambda.names().await.unwrap(), ["a", "b"]);
    let paths: Vec<_> = asked(&http).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        paths,
        [
            "GET /2015-03-31/functions",
            "GET /2015-03-31/functions?Marker=m"
        ]
    );
}

#[tokio::test]
async fn published_versions_come_oldest_first() {
    let version = |version: &str| configuration(version, "abc");
    let mut marked = version("2");
    marked["Description"] = "lockstep deployment 01D".into();
    let answers = [
        ok(json!({
            "Versions": [version("$LATEST"), version("10"), version("9")], "NextMarker": "m",
        })),
        ok(json!({"Versions": [marked]})),
    ];
    let (lambda, http) = lambda(&answers);
    let versions = lambda.versions("shop-api").await.unwrap();
    let seen: Vec<_> = versions.iter().map(|it| (it.number, it.ours)).collect();
    assert_eq!(seen, [(2, true), (9, false), (10, false)]);
    assert_eq!(versions[0].live.code_sha256, "abc");
    assert_eq!(
        asked(&http)[1].0,
        "GET /2015-03-31/functions/shop-api/versions?Marker=m"
    );
}

#[tokio::test]
async fn aliases_weights_and_provisioned_concurrency_use_versions() {
    let aliases = json!({"Aliases": [
        {"Name": "live", "FunctionVersion": "7"},
        {"Name": "beta", "FunctionVersion": "8",
         "RoutingConfig": {"AdditionalVersionWeights": {"6": 0.1}}},
    ]});
    let arn = |qualifier: &str| json!({"FunctionArn": format!("arn:aws:lambda:eu-west-1:1:function:shop-api:{qualifier}")});
    let provisioned = json!({"ProvisionedConcurrencyConfigs": [arn("3"), arn("live")]});
    let (lambda, http) = lambda(&[ok(aliases), ok(provisioned)]);
    let used = lambda.used_versions("shop-api").await.unwrap();
    assert_eq!(used, ["3", "6", "7", "8", "live"].map(str::to_owned).into());
    assert_eq!(
        asked(&http)[1].0,
        "GET /2019-09-30/functions/shop-api/provisioned-concurrency?List=ALL"
    );
}

#[tokio::test]
async fn no_provisioned_concurrency_is_not_an_error() {
    let none = error(404, "ProvisionedConcurrencyConfigNotFoundException", "none");
    let (lambda, _http) = lambda(&[ok(json!({"Aliases": []})), none]);
    assert!(lambda.used_versions("f").await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_does_not_come_is_an_error() {
    for (status, code, name) in [
        (429, "TooManyRequestsException", "Transient"),
        (500, "ServiceException", "Transient"),
        (403, "AccessDeniedException", "Rejected"),
        (404, "ResourceNotFoundException", "Rejected"),
        (400, "InvalidParameterValueException", "Rejected"),
    ] {
        let answers = vec![error(status, code, "why"); 3];
        let (lambda, http) = lambda(&answers);
        let failed = [
            lambda.names().await.map(drop),
            lambda.versions("f").await.map(drop),
            lambda.used_versions("f").await.map(drop),
        ];
        for failed in failed {
            assert_eq!(failed.unwrap_err().name(), name, "{code}");
        }
        assert_eq!(http.actual_requests().count(), 3, "{code}");
    }
}
