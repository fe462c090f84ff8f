use std::collections::BTreeMap;

use lockstep::lambda::{CodeChange, State};
use serde_json::{Value, json};

use super::Sent;
use crate::testing::{asked, configuration, error, lambda, ok};

fn zip() -> CodeChange {
    CodeChange::Zip {
        bucket: "releases".into(),
        key: "releases/shop/7/api.zip".into(),
        version_id: Some("v9".into()),
        code_sha256: "abc".into(),
        label: "api.zip 7".into(),
    }
}

fn image() -> CodeChange {
    CodeChange::Image {
        uri: "1.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:ab".into(),
        code_sha256: "ab".into(),
        label: "shop@ab".into(),
    }
}

#[tokio::test]
async fn a_configuration_goes_out_as_it_is() {
    let request = json!({"MemorySize": 512, "SettingOfTomorrow": true, "RevisionId": "r1"});
    let (lambda, http) = lambda(&[ok(configuration("$LATEST", "abc"))]);
    let sent = lambda.update_configuration("shop-api", &request).await;
    assert_eq!(sent.unwrap(), Sent::Accepted(()));
    assert_eq!(
        asked(&http),
        [(
            "PUT /2015-03-31/functions/shop-api/configuration".to_owned(),
            request
        )]
    );
}

#[tokio::test]
async fn code_comes_from_one_version_of_an_object_or_from_an_image_by_digest() {
    let answer = || ok(configuration("$LATEST", "abc"));
    let (lambda, http) = lambda(&[answer(), answer(), answer()]);
    for sent in [
        lambda.update_code("shop-api", &zip(), "r1").await,
        lambda.update_code("shop-api", &image(), "r1").await,
        lambda.send_zip("shop-api", b"PK".to_vec(), "r1").await,
    ] {
        assert_eq!(sent.unwrap(), Sent::Accepted(()));
    }
    let path = "PUT /2015-03-31/functions/shop-api/code".to_owned();
    assert_eq!(
        asked(&http),
        [
            (
                path.clone(),
                json!({
                    "S3Bucket": "releases", "S3Key": "releases/shop/7/api.zip",
                    "S3ObjectVersion": "v9", "RevisionId": "r1",
                })
            ),
            (
                path.clone(),
                json!({
                    "ImageUri": "1.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:ab",
                    "RevisionId": "r1",
                })
            ),
            (path, json!({"ZipFile": "UEs=", "RevisionId": "r1"})),
        ]
    );
}

#[tokio::test]
async fn a_version_is_published_only_of_this_code() {
    let mut pending = configuration("8", "abc");
    pending["State"] = "Pending".into();
    let wrong =
        "CodeSHA256 (abc) is different from current CodeSHA256 in $LATEST (def). Please try again.";
    let answers = [
        (201, "", configuration("7", "abc")),
        (201, "", pending),
        error(400, "InvalidParameterValueException", wrong),
    ];
    let (lambda, http) = lambda(&answers);
    let publish = async || {
        lambda
            .publish("shop-api", "abc", "r1", "01D")
            .await
            .unwrap()
    };
    for (version, state) in [("7", State::Active), ("8", State::Pending)] {
        let Sent::Accepted(published) = publish().await else {
            unreachable!()
        };
        assert_eq!(
            (published.version.as_str(), published.state),
            (version, state)
        );
    }
    assert_eq!(publish().await, Sent::LookAgain(wrong.into()));
    assert_eq!(
        asked(&http)[0],
        (
            "POST /2015-03-31/functions/shop-api/versions".to_owned(),
            json!({
                "CodeSha256": "abc", "RevisionId": "r1",
                "Description": "lockstep deployment 01D",
            })
        )
    );
}

#[tokio::test]
async fn an_alias_gets_exactly_these_weights_and_none_is_said_as_well() {
    let answer = || ok(json!({"Name": "live", "FunctionVersion": "7"}));
    let (lambda, http) = lambda(&[answer(), answer()]);
    let none = BTreeMap::new();
    let quarter = BTreeMap::from([("6".to_owned(), 0.25)]);
    for (weights, revision) in [(&none, Some("r2")), (&quarter, None)] {
        let sent = lambda.point_alias("shop-api", "live", "7", weights, revision);
        assert_eq!(sent.await.unwrap(), Sent::Accepted(()));
    }
    let path = "PUT /2015-03-31/functions/shop-api/aliases/live".to_owned();
    assert_eq!(
        asked(&http),
        [
            (
                path.clone(),
                json!({
                    "FunctionVersion": "7", "RevisionId": "r2",
                    "RoutingConfig": {"AdditionalVersionWeights": {}},
                })
            ),
            (
                path,
                json!({
                    "FunctionVersion": "7",
                    "RoutingConfig": {"AdditionalVersionWeights": {"6": 0.25}},
                })
            ),
        ]
    );
}

#[tokio::test]
async fn a_version_that_is_gone_is_deleted() {
    let answers = [
        (204, "", Value::Null),
        error(404, "ResourceNotFoundException", "Function not found: f:3"),
        error(409, "ResourceConflictException", "referenced by an alias"),
    ];
    let (lambda, http) = lambda(&answers);
    assert_eq!(
        lambda.delete_version("f", "3").await.unwrap(),
        Sent::Accepted(())
    );
    assert_eq!(
        lambda.delete_version("f", "3").await.unwrap(),
        Sent::Accepted(())
    );
    assert_eq!(
        lambda.delete_version("f", "3").await.unwrap(),
        Sent::LookAgain("referenced by an alias".into())
    );
    assert_eq!(
        asked(&http)[0].0,
        "DELETE /2015-03-31/functions/f?Qualifier=3"
    );
}

/// Every error that the model has for these calls, and those that all services share. Each
/// call is made once.
#[tokio::test(start_paused = true)]
async fn every_kind_of_error_gets_its_reaction() {
    let cases = [
        (409, "ResourceConflictException", "LookAgain"),
        (412, "PreconditionFailedException", "LookAgain"),
        (429, "TooManyRequestsException", "Transient"),
        (400, "ThrottlingException", "Transient"),
        (500, "ServiceException", "Transient"),
        (503, "ServiceUnavailable", "Transient"),
        (404, "ResourceNotFoundException", "Rejected"),
        (403, "AccessDeniedException", "Rejected"),
        (400, "InvalidParameterValueException", "Rejected"),
        (400, "CodeStorageExceededException", "Rejected"),
        (400, "CodeVerificationFailedException", "Rejected"),
        (400, "InvalidCodeSignatureException", "Rejected"),
        (400, "CodeSigningConfigNotFoundException", "Rejected"),
        (
            400,
            "FunctionVersionsPerCapacityProviderLimitExceededException",
            "Rejected",
        ),
        (400, "ValidationException", "Rejected"),
        (413, "RequestTooLargeException", "Rejected"),
    ];
    let none = BTreeMap::new();
    for (status, code, reaction) in cases {
        let answers = vec![error(status, code, "why"); 5];
        let (lambda, http) = lambda(&answers);
        let conf = json!({"MemorySize": 512});
        let outcomes = [
            lambda.update_configuration("shop-api", &conf).await,
            lambda.update_code("shop-api", &zip(), "r1").await,
            lambda.send_zip("shop-api", Vec::new(), "r1").await,
            lambda
                .publish("shop-api", "a", "r", "d")
                .await
                .map(|sent| match sent {
                    Sent::Accepted(_) => Sent::Accepted(()),
                    Sent::LookAgain(why) => Sent::LookAgain(why),
                }),
            lambda
                .point_alias("shop-api", "live", "7", &none, None)
                .await,
        ];
        assert_eq!(http.actual_requests().count(), outcomes.len(), "{code}");
        for outcome in outcomes {
            match outcome {
                Ok(seen) => {
                    assert_eq!(reaction, "LookAgain", "{code}");
                    assert_eq!(seen, Sent::LookAgain("why".into()), "{code}");
                }
                Err(failed) => {
                    assert_eq!(failed.name(), reaction, "{code}: {failed}");
                    let text = failed.to_string();
                    assert!(text.contains("lambda:"), "{code}: {text}");
                    assert!(
                        failed.is_transient() || text.contains("function shop-api"),
                        "{code}: {text}"
                    );
                }
            }
        }
    }
}
