//! Whole invocations, with the ledger, S3 and SSM answering from memory.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::operation::copy_object::CopyObjectOutput;
use aws_sdk_s3::operation::delete_object::DeleteObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_ssm::operation::delete_parameter::DeleteParameterOutput;
use aws_sdk_ssm::operation::get_parameter::{GetParameterError, GetParameterOutput};
use aws_sdk_ssm::operation::list_tags_for_resource::ListTagsForResourceOutput;
use aws_sdk_ssm::operation::put_parameter::PutParameterOutput;
use aws_sdk_ssm::types::error::ParameterNotFound;
use aws_sdk_ssm::types::{Parameter, ParameterType, Tag};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use aws_smithy_types::body::SdkBody;
use lockstep::PhaseError;
use lockstep::lambda::LiveFunction;
use lockstep::manifest::Manifest;
use lockstep_cloudformation::CloudFormation;
use lockstep_ecs::Ecs;
use lockstep_lambda::Lambda;
use lockstep_ledger::Ledger;
use lockstep_parameters::Parameters;
use serde_json::{Value, json};

use super::Publisher;
use crate::objects::Objects;
use crate::shared::Shared;

const ID: &str = "01JD5Q6Z8G0000000000000000";
const KEY: &str = "live/shop/test/api.zip";
const PARAMETER: &str = "/lockstep/shop/test/thumbs/image";
const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:lockstep-deploy:x";
const DEFINITION: &str = "arn:aws:ecs:eu-west-1:111122223333:task-definition/web";
const REGISTRY: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// The versions of each key, the last one being what is there: what each was copied from, and its
/// metadata. `None` is the mark of a deletion.
type Versions = BTreeMap<String, Vec<Option<(String, HashMap<String, String>)>>>;

/// Parameters by name, each with its value and its tags.
type Kept = BTreeMap<String, (String, Vec<Tag>)>;

#[derive(Clone, Default)]
struct World {
    objects: Arc<Mutex<Versions>>,
    parameters: Arc<Mutex<Kept>>,
    writes: Arc<Mutex<usize>>,
    items: Arc<Mutex<BTreeMap<String, Value>>>,
    /// After how many writes somebody else has the lock.
    lost_after: Option<usize>,
    /// Shares of the alias's traffic that other versions have.
    weights: Arc<Mutex<Value>>,
    /// What serves of every function.
    serving: Arc<Mutex<Value>>,
    /// Which revision every service runs.
    revision: Arc<Mutex<u32>>,
}

/// A function of this code, as `GetFunction` shows it.
fn function(code: &str) -> Value {
    json!({"Configuration": {"FunctionName": "f", "Version": "7", "CodeSha256": code, "MemorySize": 128}})
}

impl World {
    /// Release 1.4.0 brings new code for a function of a zip file and one of an image; `verified`
    /// are the artifacts of the release before.
    fn new(verified: &Value) -> Self {
        let before = verified.get("thumbs").map(|_| uri('a'));
        let parameter = json!({"name": PARAMETER, "before": before, "after": uri('b')});
        let configuration = LiveFunction::parse(&function("old")).configuration_hash();
        let change = |component: &str, code: &str| {
            json!({
                "component": component, "function": component, "keep": 5, "alias": "live",
                "before": {
                    "code_sha256": code, "configuration_hash": configuration, "latest_code_sha256": code,
                    "latest_configuration_hash": configuration, "latest_revision": "r",
                },
            })
        };
        let change = json!({
            "phase": "functions", "deployment": ID, "application": "shop", "environment": "test",
            "functions": [change("api", "old"), change("thumbs", "old")],
            "parameters": [parameter], "rate_per_second": 15, "deadline_seconds": 60,
        });
        let plan = json!({
            "release": {"manifest_version": 1, "artifacts": {"api": zip("1.4.0", 'b'), "thumbs": image('b')}},
            "steps": [{"number": 0, "target": "functions", "before": "x", "after": "y", "change": change}],
        });
        let current = json!({
            "release": {"manifest_version": 1, "artifacts": verified},
            "deployment": ID, "verified_at": "2026-11-20T10:00:00Z",
        });
        Self {
            serving: Arc::new(Mutex::new(function("old"))),
            items: Arc::new(Mutex::new(BTreeMap::from([
                ("plan".to_owned(), plan),
                ("current".to_owned(), current),
            ]))),
            ..Self::default()
        }
    }

    fn lambda(&self) -> Lambda {
        let serving = self.serving.clone();
        let get = mock!(aws_sdk_lambda::Client::get_function).then_compute_response(move |input| {
            assert_eq!(input.qualifier(), Some("live"));
            let body = SdkBody::from(serving.lock().unwrap().to_string());
            let status = 200.try_into().unwrap();
            MockResponse::Http(aws_sdk_lambda::config::http::HttpResponse::new(
                status, body,
            ))
        });
        let weights = self.weights.clone();
        let alias = mock!(aws_sdk_lambda::Client::get_alias).then_compute_response(move |input| {
            assert_eq!(input.name(), Some("live"));
            let weights = weights.lock().unwrap().clone();
            let alias = json!({
                "FunctionVersion": "7", "RevisionId": "a1",
                "RoutingConfig": {"AdditionalVersionWeights": weights},
            });
            let body = SdkBody::from(alias.to_string());
            let status = 200.try_into().unwrap();
            MockResponse::Http(aws_sdk_lambda::config::http::HttpResponse::new(
                status, body,
            ))
        });
        Lambda::new(
            mock_client!(aws_sdk_lambda, RuleMode::MatchAny, [&get, &alias]),
            None,
        )
    }

    fn s3(&self) -> aws_sdk_s3::Client {
        let objects = self.objects.clone();
        let head = mock!(aws_sdk_s3::Client::head_object).then_compute_response(move |input| {
            let objects = objects.lock().unwrap();
            let versions = objects.get(input.key().unwrap());
            let newest = versions.and_then(|all| Some((all.len(), all.last()?.clone()?)));
            let Some((number, (_, metadata))) = newest else {
                let status = 404.try_into().unwrap();
                return MockResponse::Http(aws_sdk_s3::config::http::HttpResponse::new(
                    status,
                    SdkBody::empty(),
                ));
            };
            let output = HeadObjectOutput::builder()
                .set_metadata(Some(metadata))
                .version_id(format!("v{number}"));
            MockResponse::Output(output.build())
        });
        let (objects, writes) = (self.objects.clone(), self.writes.clone());
        let copy = mock!(aws_sdk_s3::Client::copy_object).then_compute_output(move |input| {
            *writes.lock().unwrap() += 1;
            let source = input.copy_source().unwrap().to_owned();
            let mut objects = objects.lock().unwrap();
            let versions = objects.entry(input.key().unwrap().to_owned()).or_default();
            let new = match source.split_once(&format!("{KEY}?versionId=v")) {
                Some((_, number)) => versions[number.parse::<usize>().unwrap() - 1].clone(),
                None => Some((source, input.metadata().unwrap().clone())),
            };
            versions.push(new);
            CopyObjectOutput::builder().build()
        });
        let (objects, writes) = (self.objects.clone(), self.writes.clone());
        let delete = mock!(aws_sdk_s3::Client::delete_object).then_compute_output(move |input| {
            *writes.lock().unwrap() += 1;
            let mut objects = objects.lock().unwrap();
            objects.get_mut(input.key().unwrap()).unwrap().push(None);
            DeleteObjectOutput::builder().build()
        });
        mock_client!(aws_sdk_s3, RuleMode::MatchAny, [&head, &copy, &delete])
    }

    fn ssm(&self) -> aws_sdk_ssm::Client {
        let all = self.parameters.clone();
        let get = mock!(aws_sdk_ssm::Client::get_parameter).then_compute_response(move |input| {
            let all = all.lock().unwrap();
            let Some((value, _)) = all.get(input.name().unwrap()) else {
                let meta = aws_sdk_ssm::error::ErrorMetadata::builder().code("ParameterNotFound");
                let missing = ParameterNotFound::builder().meta(meta.build()).build();
                return MockResponse::Error(GetParameterError::ParameterNotFound(missing));
            };
            let parameter = Parameter::builder().value(value);
            let parameter = parameter.r#type(ParameterType::String).build();
            MockResponse::Output(GetParameterOutput::builder().parameter(parameter).build())
        });
        let all = self.parameters.clone();
        let tags =
            mock!(aws_sdk_ssm::Client::list_tags_for_resource).then_compute_output(move |input| {
                let tags = all.lock().unwrap()[input.resource_id().unwrap()].1.clone();
                ListTagsForResourceOutput::builder()
                    .set_tag_list(Some(tags))
                    .build()
            });
        let (all, writes) = (self.parameters.clone(), self.writes.clone());
        let put = mock!(aws_sdk_ssm::Client::put_parameter).then_compute_output(move |input| {
            *writes.lock().unwrap() += 1;
            let (name, value) = (input.name().unwrap(), input.value().unwrap());
            let mut all = all.lock().unwrap();
            let there = all.get(name).map(|(_, tags)| tags.clone());
            assert_eq!(input.overwrite(), there.as_ref().map(|_| true));
            let tags = there.unwrap_or_else(|| input.tags().to_vec());
            all.insert(name.to_owned(), (value.to_owned(), tags));
            PutParameterOutput::builder().build()
        });
        let (all, writes) = (self.parameters.clone(), self.writes.clone());
        let delete =
            mock!(aws_sdk_ssm::Client::delete_parameter).then_compute_output(move |input| {
                *writes.lock().unwrap() += 1;
                all.lock().unwrap().remove(input.name().unwrap());
                DeleteParameterOutput::builder().build()
            });
        mock_client!(
            aws_sdk_ssm,
            RuleMode::MatchAny,
            [&get, &tags, &put, &delete]
        )
    }

    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let items = self.items.clone();
        let lease = mock!(aws_sdk_dynamodb::Client::transact_write_items).then_compute_output(
            move |input| {
                let puts = input.transact_items().iter().filter_map(|it| it.put());
                for put in puts {
                    let text = |name: &str| put.item()[name].as_s().unwrap().clone();
                    let body = serde_json::from_str(&text("body")).unwrap();
                    items.lock().unwrap().insert(text("sk"), body);
                }
                TransactWriteItemsOutput::builder().build()
            },
        );
        let items = self.items.clone();
        let (writes, lost_after) = (self.writes.clone(), self.lost_after);
        let get = mock!(aws_sdk_dynamodb::Client::get_item).then_compute_output(move |input| {
            let Some(AttributeValue::S(sk)) = input.key().and_then(|key| key.get("sk")) else {
                unreachable!()
            };
            let text = |text: &str| AttributeValue::S(text.to_owned());
            if sk == "lock" {
                let is_lost = lost_after.is_some_and(|after| *writes.lock().unwrap() >= after);
                let fence = if is_lost { "2" } else { "1" };
                let item = HashMap::from([
                    ("pk".to_owned(), text("p")),
                    ("sk".to_owned(), text(sk)),
                    ("deployment".to_owned(), text(ID)),
                    ("fence".to_owned(), AttributeValue::N(fence.to_owned())),
                ]);
                return GetItemOutput::builder().set_item(Some(item)).build();
            }
            let item = items.lock().unwrap().get(sk).map(|body| {
                HashMap::from([
                    ("pk".to_owned(), text("p")),
                    ("sk".to_owned(), text(sk)),
                    ("body".to_owned(), text(&body.to_string())),
                ])
            });
            GetItemOutput::builder().set_item(item).build()
        });
        mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&lease, &get])
    }

    /// With the record of the deployment, and the manifest that has it.
    fn seeding(self) -> Self {
        self.with_manifest("functions:\n  api: { function: shop-api }\n")
    }

    /// With a service that is published.
    fn sharing(self) -> Self {
        let world = self.with_manifest(
            "parameters: true\nservices:\n  web: { cluster: shop, containers: { web: shop/thumbs } }\n",
        );
        {
            let mut items = world.items.lock().unwrap();
            let plan = items.get_mut("plan").unwrap();
            plan["steps"] = json!([]);
            plan["publishes"] = true.into();
            let requested = json!({"web/web": image('b')});
            items.get_mut("record").unwrap()["requested"] = requested;
        }
        world
    }

    fn with_manifest(self, kinds: &str) -> Self {
        let manifest = format!("application: shop\n{kinds}environments:\n  test: {{}}\n");
        let manifest = Manifest::parse("lockstep.yaml", &manifest).unwrap();
        let stored = manifest.embed_all(|_| Ok(String::new())).unwrap().manifest;
        let applied = json!({"version": 1, "applied_at": "2026-11-20T10:00:00Z", "applied_by": "me", "manifest": stored});
        let record = json!({
            "id": ID, "application": "shop", "environment": "test",
            "execution": {"name": "x", "arn": ARN, "started_at": "2026-11-20T10:00:00Z"},
            "source": {"kind": "manual", "by": "me"}, "manifest_version": 1,
            "requested": {"api": zip("1.4.0", 'b'), "thumbs": image('b')},
        });
        let items = [("record", record), ("manifest#00000001", applied)];
        let items = items.map(|(key, item)| (key.to_owned(), item));
        self.items.lock().unwrap().extend(items);
        self
    }

    /// Services that run this revision.
    fn ecs(&self) -> aws_sdk_ecs::Client {
        let revision = self.revision.clone();
        let describe =
            mock!(aws_sdk_ecs::Client::describe_services).then_compute_response(move |_| {
                let revision = format!("{DEFINITION}:{}", revision.lock().unwrap());
                let service = json!({
                    "serviceArn": "arn", "serviceName": "web", "clusterArn": "arn:c/shop", "status": "ACTIVE",
                    "taskDefinition": revision, "deployments": [],
                });
                let body = SdkBody::from(json!({"services": [service]}).to_string());
                let status = 200.try_into().unwrap();
                MockResponse::Http(aws_sdk_ecs::config::http::HttpResponse::new(status, body))
            });
        mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&describe])
    }

    /// All that others are told.
    fn told(&self) -> BTreeMap<String, String> {
        let all = self.parameters.lock().unwrap();
        let short = |name: &String| name.replace("/lockstep/shop/test/", "");
        all.iter()
            .map(|(name, (value, _))| (short(name), value.clone()))
            .collect()
    }

    async fn invoke(&self, verb: &str) -> Result<Value, PhaseError> {
        let publisher = Publisher {
            lambda: self.lambda(),
            ledger: Ledger::new(self.dynamodb(), "ledger"),
            objects: Objects::with_client(self.s3(), "releases".to_owned()),
            parameters: Parameters::with_client(self.ssm()),
            shared: Shared {
                cloudformation: CloudFormation::new(mock_client!(aws_sdk_cloudformation, [])),
                ecs: Ecs::new(self.ecs()),
            },
        };
        let payload = json!({
            "deployment": {"id": ID, "application": "shop", "environment": "test"},
            "execution": {"name": "x", "arn": ARN, "started_at": "2026-11-20T10:00:00Z"},
            "fence": 1, "verb": verb,
        });
        publisher.handle(payload).await
    }

    /// What is at the key now: what it was copied from.
    fn live(&self) -> Option<String> {
        let objects = self.objects.lock().unwrap();
        let newest = objects.get(KEY)?.last()?.clone()?;
        Some(newest.0)
    }

    fn image(&self) -> Option<String> {
        let all = self.parameters.lock().unwrap();
        all.get(PARAMETER).map(|(value, _)| value.clone())
    }

    /// There is a parameter of this value and with these tags.
    fn parameter(&self, value: String, tags: &[(&str, &str)]) {
        let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build();
        let tags = tags.iter().map(|pair| tag(pair).unwrap()).collect();
        let parameter = (PARAMETER.to_owned(), (value, tags));
        self.parameters.lock().unwrap().extend([parameter]);
    }

    /// Somebody, or an earlier deployment, put this at the key.
    fn put(&self, source: &str, metadata: &[(&str, &str)]) {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let metadata = metadata.iter().map(pair).collect();
        let version = Some((source.to_owned(), metadata));
        let mut objects = self.objects.lock().unwrap();
        objects.entry(KEY.to_owned()).or_default().push(version);
    }
}

fn zip(release: &str, digit: char) -> Value {
    json!({
        "kind": "zip", "bucket": "releases", "key": format!("releases/shop/{release}/api.zip"), "version_id": "o1",
        "sha256": digit.to_string().repeat(64), "size": 1, "path": "api.zip", "release": release,
        "released_at": "2026-11-20T10:00:00Z",
    })
}

fn image(digit: char) -> Value {
    let digest = format!("sha256:{}", digit.to_string().repeat(64));
    json!({"kind": "image", "repository": "shop/thumbs", "digest": digest, "pushed_at": "2026-11-20T10:00:00Z"})
}

fn uri(digit: char) -> String {
    format!(
        "{REGISTRY}/shop/thumbs@sha256:{}",
        digit.to_string().repeat(64)
    )
}

const OURS: [(&str, &str); 2] = [
    ("lockstep:application", "shop"),
    ("lockstep:environment", "test"),
];

const NEW: &str = "releases/releases/shop/1.4.0/api.zip?versionId=o1";

#[tokio::test]
async fn the_first_release_creates_what_templates_read_and_its_undo_takes_it_away() {
    let world = World::new(&json!({}));
    let answer = world.invoke("do").await.unwrap();
    assert_eq!(answer, json!({"functions": 2, "changed": 2}));
    assert_eq!(world.live().unwrap(), NEW);
    assert_eq!(world.image().unwrap(), uri('b'));
    world.invoke("undo").await.unwrap();
    assert_eq!((world.live(), world.image()), (None, None));
}

#[tokio::test]
async fn code_for_a_new_stack_is_there_before_it_and_goes_after_it() {
    let world = World::new(&json!({})).seeding();
    let answer = world.invoke("seed").await.unwrap();
    assert_eq!(answer, json!({"functions": 1, "changed": 1}));
    assert_eq!((world.live().unwrap().as_str(), world.image()), (NEW, None));
    world.invoke("seed").await.unwrap();
    // What is seeded is what goes live, and a stack still reads it while functions are put back.
    world.invoke("do").await.unwrap();
    world.invoke("undo").await.unwrap();
    assert_eq!(world.live().unwrap(), NEW);
    world.invoke("unseed").await.unwrap();
    world.invoke("unseed").await.unwrap();
    assert_eq!(world.live(), None);
    assert_eq!(world.objects.lock().unwrap()[KEY].len(), 2);
}

#[tokio::test]
async fn code_that_is_live_is_neither_seeded_over_nor_taken_away() {
    let marks: [&[(&str, &str)]; 3] = [
        &[],
        &[("deployment", "another"), ("seed", "true")],
        &[("deployment", ID)],
    ];
    for marks in marks {
        let world = World::new(&json!({})).seeding();
        world.put("before", marks);
        world.invoke("seed").await.unwrap();
        world.invoke("unseed").await.unwrap();
        assert_eq!(world.live().unwrap(), "before");
        assert_eq!(*world.writes.lock().unwrap(), 0);
    }
}

#[tokio::test]
async fn nothing_is_seeded_once_another_has_the_lock() {
    let mut world = World::new(&json!({})).seeding();
    world.lost_after = Some(0);
    let error = world.invoke("seed").await.unwrap_err();
    assert_eq!(error.name(), "Halted");
    assert_eq!(*world.writes.lock().unwrap(), 0);
}

#[tokio::test]
async fn nothing_is_kept_of_a_release_that_does_not_serve_any_more() {
    let world = World::new(&json!({}));
    *world.serving.lock().unwrap() = function("foreign");
    let error = world.invoke("do").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "function api:live was changed by someone else: expected code old, found version 7 with code foreign"
    );
    assert_eq!((world.live(), world.image()), (None, None));
    world.invoke("undo").await.unwrap();
}

#[tokio::test]
async fn asking_again_writes_nothing() {
    let world = World::new(&json!({}));
    world.invoke("do").await.unwrap();
    let answer = world.invoke("do").await.unwrap();
    assert_eq!(answer, json!({"functions": 2, "changed": 0}));
    assert_eq!(*world.writes.lock().unwrap(), 2);
    world.invoke("undo").await.unwrap();
    world.invoke("undo").await.unwrap();
    assert_eq!(*world.writes.lock().unwrap(), 4);
}

#[tokio::test]
async fn undo_puts_back_exactly_what_was_replaced() {
    let world = World::new(&json!({"api": zip("1.3.0", 'a'), "thumbs": image('a')}));
    world.put(
        "1.3.0",
        &[("sha256", &"a".repeat(64)), ("deployment", "another")],
    );
    world.parameter(uri('a'), &OURS);
    world.invoke("do").await.unwrap();
    assert_eq!(world.live().unwrap(), NEW);
    world.invoke("undo").await.unwrap();
    assert_eq!(world.live().unwrap(), "1.3.0");
    assert_eq!(world.image().unwrap(), uri('a'));
}

#[tokio::test]
async fn a_file_that_a_person_put_there_comes_back_as_well() {
    let world = World::new(&json!({}));
    world.put("by hand", &[]);
    world.invoke("do").await.unwrap();
    assert_eq!(world.live().unwrap(), NEW);
    world.invoke("undo").await.unwrap();
    assert_eq!(world.live().unwrap(), "by hand");
}

#[tokio::test]
async fn undo_touches_nothing_where_nothing_was_done_or_somebody_came_after() {
    let world = World::new(&json!({"api": zip("1.3.0", 'a'), "thumbs": image('a')}));
    world.put("1.3.0", &[("deployment", "another")]);
    world.parameter(uri('a'), &OURS);
    world.invoke("undo").await.unwrap();
    assert_eq!(world.live().unwrap(), "1.3.0");
    world.invoke("do").await.unwrap();
    world.put("by hand", &[]);
    world.parameter(uri('c'), &OURS);
    world.invoke("undo").await.unwrap();
    assert_eq!(world.live().unwrap(), "by hand");
    assert_eq!(world.image().unwrap(), uri('c'));
}

#[tokio::test]
async fn nothing_is_kept_while_another_version_has_a_share_of_the_traffic() {
    let world = World::new(&json!({}));
    *world.weights.lock().unwrap() = json!({"6": 0.1});
    let error = world.invoke("do").await.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.name(), "Diverged");
    assert!(
        text.starts_with("function api:live was changed by someone else: expected all traffic on version 7, found 10 % of it on version 6; "),
        "{text}"
    );
    assert_eq!(*world.writes.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_late_invocation_writes_nothing_more_once_another_has_the_lock() {
    for verb in ["do", "undo"] {
        for after in 0..2 {
            let mut world = World::new(&json!({}));
            if verb == "undo" {
                world.invoke("do").await.unwrap();
            }
            let before = *world.writes.lock().unwrap();
            world.lost_after = Some(before + after);
            let error = world.invoke(verb).await.unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("halted by the lock's new holder, deployment {ID}")
            );
            assert_eq!(*world.writes.lock().unwrap(), before + after, "{verb}");
        }
    }
}

#[tokio::test]
async fn a_parameter_of_somebody_else_is_never_overwritten() {
    let world = World::new(&json!({}));
    world.parameter(
        "theirs".to_owned(),
        &[("aws:cloudformation:stack-name", "base")],
    );
    let error = world.invoke("do").await.unwrap_err();
    let text = error.to_string();
    assert_eq!(error.name(), "Rejected");
    assert!(
        text.contains(PARAMETER) && text.contains("the CloudFormation stack base"),
        "{text}"
    );
    world.invoke("undo").await.unwrap();
    assert_eq!(
        (world.live(), world.image()),
        (None, Some("theirs".to_owned()))
    );
}

/// What others are told of a service with this image and this revision.
fn told(image: char, revision: u32) -> BTreeMap<String, String> {
    let told = [
        ("web/web/image", uri(image)),
        ("web/task-definition", format!("{DEFINITION}:{revision}")),
    ];
    told.map(|(name, value)| (name.to_owned(), value)).into()
}

#[tokio::test]
async fn what_others_read_is_told_once_and_put_back() {
    let world = World::new(&json!({})).sharing();
    world.invoke("do").await.unwrap();
    assert_eq!(world.told(), told('b', 0));
    // What is noted of the first time counts, whatever the world looks like by now.
    *world.revision.lock().unwrap() = 9;
    world.invoke("do").await.unwrap();
    assert_eq!(world.told(), told('b', 0));
    assert_eq!(*world.writes.lock().unwrap(), 2);
    for _ in 0..2 {
        let answer = world.invoke("withdraw").await.unwrap();
        assert_eq!(world.told(), BTreeMap::new(), "{answer}");
    }
    assert_eq!(*world.writes.lock().unwrap(), 4);
}

#[tokio::test]
async fn only_what_changed_is_told_and_put_back_exactly() {
    let world = World::new(&json!({})).sharing();
    let name = "/lockstep/shop/test/web/web/image".to_owned();
    let tag = |(key, value): (&str, &str)| Tag::builder().key(key).value(value).build();
    let tags: Vec<_> = OURS.map(|pair| tag(pair).unwrap()).into();
    let before = (uri('b'), tags.clone());
    world.parameters.lock().unwrap().insert(name, before);
    let name = "/lockstep/shop/test/web/task-definition".to_owned();
    let before = (format!("{DEFINITION}:7"), tags);
    world.parameters.lock().unwrap().insert(name, before);
    *world.revision.lock().unwrap() = 8;
    world.invoke("do").await.unwrap();
    assert_eq!(world.told(), told('b', 8));
    assert_eq!(*world.writes.lock().unwrap(), 1);
    world.invoke("withdraw").await.unwrap();
    assert_eq!(world.told(), told('b', 7));
    assert_eq!(*world.writes.lock().unwrap(), 2);
}

#[tokio::test]
async fn others_are_told_nothing_where_a_name_is_taken_or_the_lock_is_lost() {
    let world = World::new(&json!({})).sharing();
    let name = "/lockstep/shop/test/web/web/image".to_owned();
    let theirs = Tag::builder().key("aws:cloudformation:stack-name");
    let theirs = vec![theirs.value("base").build().unwrap()];
    let theirs = ("theirs".to_owned(), theirs);
    world.parameters.lock().unwrap().insert(name, theirs);
    let error = world.invoke("do").await.unwrap_err();
    assert_eq!(error.name(), "Rejected");
    assert!(
        error.to_string().contains("the CloudFormation stack base"),
        "{error}"
    );
    world.invoke("withdraw").await.unwrap();
    assert_eq!(*world.writes.lock().unwrap(), 0);

    let mut world = World::new(&json!({})).sharing();
    world.lost_after = Some(1);
    let error = world.invoke("do").await.unwrap_err();
    assert_eq!(error.name(), "Halted");
    assert_eq!(*world.writes.lock().unwrap(), 1);
}

#[tokio::test]
async fn nothing_is_told_where_the_plan_does_not_say_so() {
    let world = World::new(&json!({}));
    world.invoke("do").await.unwrap();
    assert!(!world.items.lock().unwrap().contains_key("published"));
    let answer = world.invoke("withdraw").await.unwrap();
    assert_eq!(answer, json!({ "parameters": 0 }));
}
