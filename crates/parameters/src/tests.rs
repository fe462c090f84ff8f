//! Whole lists, with SSM answering from memory.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_ssm::error::ErrorMetadata;
use aws_sdk_ssm::operation::delete_parameter::DeleteParameterOutput;
use aws_sdk_ssm::operation::get_parameter::{GetParameterError, GetParameterOutput};
use aws_sdk_ssm::operation::get_parameters_by_path::GetParametersByPathOutput;
use aws_sdk_ssm::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_ssm::operation::put_parameter::{PutParameterError, PutParameterOutput};
use aws_sdk_ssm::types::{Parameter, ParameterType, Tag};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use lockstep::live::ParameterChange;
use lockstep::record::DeploymentRef;
use lockstep::{DeploymentId, PhaseError};
use lockstep_aws::Mandate;

use super::Parameters;

type All = Arc<Mutex<BTreeMap<String, (String, Vec<Tag>)>>>;

fn owner() -> DeploymentRef {
    DeploymentRef {
        id: DeploymentId::for_execution("x", "arn", 0),
        application: "shop".into(),
        environment: "test".into(),
    }
}

fn coded(code: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).build()
}

/// The parameters over a store in memory; `refusal` is what every put is answered with.
fn parameters(all: &All, refusal: Option<&'static str>) -> Parameters {
    let store = Arc::clone(all);
    let get = mock!(aws_sdk_ssm::Client::get_parameter).then_compute_response(move |input| {
        match store.lock().unwrap().get(input.name().unwrap()) {
            Some((value, _)) => {
                let found = Parameter::builder().value(value);
                let found = found.r#type(ParameterType::String).build();
                MockResponse::Output(GetParameterOutput::builder().parameter(found).build())
            }
            None => MockResponse::Error(GetParameterError::generic(coded("ParameterNotFound"))),
        }
    });
    let store = Arc::clone(all);
    let below =
        mock!(aws_sdk_ssm::Client::get_parameters_by_path).then_compute_output(move |input| {
            assert_eq!(input.recursive(), Some(true));
            let below = format!("{}/", input.path().unwrap());
            let all: Vec<_> = store.lock().unwrap().keys().cloned().collect();
            let all = all.into_iter().filter(|name| name.starts_with(&below));
            let from: usize = input.next_token().map_or(0, |token| token.parse().unwrap());
            let mut left = all.skip(from);
            let page: Vec<_> = left.by_ref().take(2).collect();
            let next = left.next().map(|_| (from + 2).to_string());
            let parameter = |name| {
                Parameter::builder()
                    .name(name)
                    .r#type(ParameterType::String)
            };
            let page = page.into_iter().map(|name| parameter(name).build());
            GetParametersByPathOutput::builder()
                .set_parameters(Some(page.collect()))
                .set_next_token(next)
                .build()
        });
    let store = Arc::clone(all);
    let tags =
        mock!(aws_sdk_ssm::Client::list_tags_for_resource).then_compute_output(move |input| {
            let tags = store.lock().unwrap()[input.resource_id().unwrap()]
                .1
                .clone();
            ListTagsForResourceOutput::builder()
                .set_tag_list(Some(tags))
                .build()
        });
    let store = Arc::clone(all);
    let put = mock!(aws_sdk_ssm::Client::put_parameter).then_compute_response(move |input| {
        if let Some(code) = refusal {
            return MockResponse::Error(PutParameterError::generic(coded(code)));
        }
        let mut store = store.lock().unwrap();
        let (name, value) = (input.name().unwrap(), input.value().unwrap());
        let entry = store
            .entry(name.to_owned())
            .or_insert_with(|| (String::new(), input.tags().to_vec()));
        value.clone_into(&mut entry.0);
        MockResponse::Output(PutParameterOutput::builder().build())
    });
    let store = Arc::clone(all);
    let delete = mock!(aws_sdk_ssm::Client::delete_parameter).then_compute_output(move |input| {
        store.lock().unwrap().remove(input.name().unwrap());
        DeleteParameterOutput::builder().build()
    });
    Parameters::with_client(mock_client!(
        aws_sdk_ssm,
        RuleMode::MatchAny,
        [&get, &below, &tags, &put, &delete]
    ))
}

fn wanted(names: &[&str]) -> Vec<(String, String)> {
    let pair = |name: &&str| ((*name).to_owned(), "new".to_owned());
    names.iter().map(pair).collect()
}

fn always() -> Mandate {
    Mandate::new(|| async { Ok(()) })
}

async fn planned(parameters: &Parameters, names: &[&str]) -> Vec<ParameterChange> {
    let (changes, failed) = parameters.plan(&owner(), wanted(names)).await.unwrap();
    assert_eq!(failed, []);
    changes
}

#[tokio::test(start_paused = true)]
async fn a_list_is_created_changed_and_put_back() {
    let all = All::default();
    let parameters = parameters(&all, None);
    let names = ["/lockstep/shop/test/a", "/lockstep/shop/test/b"];
    let first = planned(&parameters, &names[..1]).await;
    let written = parameters.publish(&owner(), &first, &always()).await;
    assert_eq!(written, Ok(1));
    all.lock().unwrap().get_mut(names[0]).unwrap().0 = "old".to_owned();
    let before = all.lock().unwrap().clone();
    let both = planned(&parameters, &names).await;
    assert_eq!(
        both[0].before.as_deref().zip(both[1].before.as_deref()),
        None
    );
    for writes in [2, 0] {
        let written = parameters.publish(&owner(), &both, &always()).await;
        assert_eq!(written, Ok(writes));
    }
    assert_eq!(planned(&parameters, &names).await, []);
    for writes in [2, 0] {
        let written = parameters.put_back(&owner(), &both, &always()).await;
        assert_eq!(written, Ok(writes));
    }
    assert_eq!(*all.lock().unwrap(), before);
}

#[tokio::test]
async fn every_conflict_is_told_at_once_and_nothing_of_it_is_written() {
    let all = All::default();
    let theirs = |value: &str| (value.to_owned(), Vec::new());
    let names = ["/lockstep/shop/test/a", "/lockstep/shop/test/b"];
    for name in names {
        all.lock()
            .unwrap()
            .insert(name.to_owned(), theirs("theirs"));
    }
    let parameters = parameters(&all, None);
    let (changes, failed) = parameters.plan(&owner(), wanted(&names)).await.unwrap();
    assert_eq!((changes.len(), failed.len()), (0, 2));
    let planned_blindly = ParameterChange {
        name: names[0].to_owned(),
        before: None,
        after: "new".to_owned(),
    };
    let error = parameters
        .publish(&owner(), &[planned_blindly], &always())
        .await;
    assert_eq!(error.unwrap_err().name(), "Rejected");
    assert_eq!(all.lock().unwrap()[names[0]], theirs("theirs"));
}

#[tokio::test]
async fn nothing_is_written_once_the_mandate_has_ended() {
    let all = All::default();
    let parameters = parameters(&all, None);
    let changes = planned(&parameters, &["/lockstep/shop/test/a"]).await;
    let ended = Mandate::new(|| async { Err(PhaseError::Halted { by: "x".into() }) });
    let error = parameters.publish(&owner(), &changes, &ended).await;
    assert_eq!(error.unwrap_err().name(), "Halted");
    assert_eq!(all.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn what_may_pass_by_itself_is_tried_again() {
    for code in ["ParameterAlreadyExists", "TooManyUpdates"] {
        let parameters = parameters(&All::default(), Some(code));
        let changes = planned(&parameters, &["/lockstep/shop/test/a"]).await;
        let error = parameters.publish(&owner(), &changes, &always()).await;
        assert!(error.unwrap_err().is_transient(), "{code}");
    }
    let parameters = parameters(&All::default(), Some("ParameterMaxVersionLimitExceeded"));
    let changes = planned(&parameters, &["/lockstep/shop/test/a"]).await;
    let error = parameters.publish(&owner(), &changes, &always()).await;
    assert_eq!(error.unwrap_err().name(), "Rejected");
}

#[tokio::test(start_paused = true)]
async fn everything_below_a_path_is_looked_at_page_by_page() {
    let all = All::default();
    let parameters = parameters(&all, None);
    let names = [
        "/lockstep/shop/test/a",
        "/lockstep/shop/test/stacks/net/VpcId",
    ];
    let ours = planned(&parameters, &names).await;
    let written = parameters.publish(&owner(), &ours, &always()).await;
    assert_eq!(written, Ok(2));
    let theirs = [
        "/lockstep/shop/test/stacks/net/Theirs",
        "/lockstep/shop/test/stacks/net/NotNeeded",
        "/lockstep/shop/testing/other",
    ];
    for name in theirs {
        let theirs = ("theirs".to_owned(), Vec::new());
        all.lock().unwrap().insert(name.to_owned(), theirs);
    }
    let path = "/lockstep/shop/test";
    let failed = parameters
        .conflicts(&owner(), path, |name| !name.ends_with("NotNeeded"))
        .await
        .unwrap();
    let failed: Vec<_> = failed.iter().map(|it| it.resource.as_str()).collect();
    assert_eq!(failed, ["parameter /lockstep/shop/test/stacks/net/Theirs"]);
    let names = parameters.names(path).await.unwrap();
    assert_eq!(names.len(), 4, "{names:?}");
}
