//! An account in memory: one stack, one change set, a bucket, and a few SSM parameters.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::{Arc, Mutex};

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use lockstep_cloudformation::CloudFormation;
use lockstep_ledger::Ledger;
use lockstep_parameters::Parameters;
use lockstep_sources::Values;

use crate::bucket::{Bucket, sha256};
use crate::planner::Planner;

pub(crate) const ID: &str = "01JD5Q6Z8G0000000000000000";

/// The template that the manifest wants.
pub(crate) const TEMPLATE: &str = "new";

pub(crate) fn sha(text: &str) -> String {
    sha256(text.as_bytes())
}

/// What there is, and what was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    /// The stack's status; empty when there is none.
    status: String,
    template: String,
    tags: String,
    change_set: String,
    capabilities: String,
    /// CloudFormation's actions, in order.
    asked: Arc<Mutex<Vec<String>>>,
    /// The keys that were written to the bucket.
    stored: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// With the stack of the manifest.
    pub(crate) fn with_stack(status: &str, template: &str) -> Self {
        Self {
            status: status.to_owned(),
            template: template.to_owned(),
            ..Self::default()
        }
    }

    /// What the change set is, once it was made.
    pub(crate) fn change_set(self, change_set: &str) -> Self {
        Self {
            change_set: change_set.to_owned(),
            ..self
        }
    }

    pub(crate) fn tags(self, tags: &str) -> Self {
        Self {
            tags: tags.to_owned(),
            ..self
        }
    }

    pub(crate) fn capabilities(self, capabilities: &str) -> Self {
        Self {
            capabilities: format!("<member>{capabilities}</member>"),
            ..self
        }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn stored(&self) -> Vec<String> {
        self.stored.lock().unwrap().clone()
    }

    pub(crate) fn planner(&self) -> Planner {
        let world = self.clone();
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let (status, body) = world.answer(&request);
            http::Response::builder()
                .status(status)
                .body(SdkBody::from(body))
                .unwrap()
        });
        let credentials = aws_sdk_s3::config::Credentials::for_tests();
        let config = SdkConfig::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(aws_sdk_s3::config::SharedCredentialsProvider::new(
                credentials,
            ))
            .http_client(http)
            .build();
        Planner {
            ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&config), "ledger"),
            cloudformation: CloudFormation::new(aws_sdk_cloudformation::Client::new(&config)),
            bucket: Bucket::new(&config, "bucket".to_owned()),
            values: Values::new(&config, "bucket"),
            parameters: Parameters::new(&config),
            role: None,
            controller: "lockstep".to_owned(),
        }
    }

    fn answer(&self, request: &http::Request<SdkBody>) -> (u16, String) {
        let host = request.uri().host().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let body = std::str::from_utf8(body).unwrap_or_default();
        if host.starts_with("ssm.") {
            return parameter(body);
        }
        if host.contains("s3") {
            return self.object(request);
        }
        let action = body.split('&').find_map(|it| it.strip_prefix("Action="));
        let action = action.unwrap_or_default();
        let created = self.asked().iter().any(|it| it == "CreateChangeSet");
        self.asked.lock().unwrap().push(action.to_owned());
        self.cloudformation(action, created)
    }

    fn object(&self, request: &http::Request<SdkBody>) -> (u16, String) {
        let key = request.uri().path().trim_start_matches('/').to_owned();
        if request.method() == http::Method::PUT {
            self.stored.lock().unwrap().push(key);
            return (200, String::new());
        }
        let found = self.stored().contains(&key);
        (if found { 200 } else { 404 }, String::new())
    }

    fn cloudformation(&self, action: &str, created: bool) -> (u16, String) {
        let missing = |code: &str, text: &str| {
            let error = format!("<Error><Code>{code}</Code><Message>{text}</Message></Error>");
            (400, format!("<ErrorResponse>{error}</ErrorResponse>"))
        };
        let result = match action {
            "DescribeStacks" if self.status.is_empty() => {
                return missing("ValidationError", "Stack with id x does not exist");
            }
            "DescribeChangeSet" if !created => {
                return missing("ChangeSetNotFound", "ChangeSet [x] does not exist");
            }
            "DescribeStacks" => self.stack(),
            "DescribeChangeSet" => self.change_set.clone(),
            "GetTemplate" => format!("<TemplateBody>{}</TemplateBody>", self.template),
            "GetTemplateSummary" => self.summary(),
            _ => String::new(),
        };
        let result = format!("<{action}Result>{result}</{action}Result>");
        (
            200,
            format!("<{action}Response>{result}</{action}Response>"),
        )
    }

    fn stack(&self) -> String {
        let parameter = |name: &str, value: &str| {
            format!(
                "<member><ParameterKey>{name}</ParameterKey><ParameterValue>{value}</ParameterValue></member>"
            )
        };
        let parameters = parameter("Size", "1") + &parameter("Secret", "****");
        let (status, tags) = (&self.status, &self.tags);
        format!(
            "<Stacks><member><StackId>arn:aws:cloudformation:eu-west-1:1:stack/shop-test-data/u</StackId>\
             <StackName>shop-test-data</StackName><StackStatus>{status}</StackStatus>\
             <CreationTime>2026-11-20T10:00:00Z</CreationTime><Parameters>{parameters}</Parameters>\
             <Tags>{tags}</Tags></member></Stacks>"
        )
    }

    fn summary(&self) -> String {
        let parameter = |name: &str, hidden: bool| {
            format!(
                "<member><ParameterKey>{name}</ParameterKey><ParameterType>String</ParameterType>\
                 <DefaultValue>0</DefaultValue><NoEcho>{hidden}</NoEcho></member>"
            )
        };
        let parameters = parameter("Size", false) + &parameter("Secret", true);
        let capabilities = &self.capabilities;
        format!("<Parameters>{parameters}</Parameters><Capabilities>{capabilities}</Capabilities>")
    }
}

fn parameter(body: &str) -> (u16, String) {
    let found = |kind: &str, value: &str| {
        (
            200,
            format!(r#"{{"Parameter":{{"Type":"{kind}","Value":"{value}"}}}}"#),
        )
    };
    match body {
        body if body.contains("\"Path\"") => (200, r#"{"Parameters":[]}"#.to_owned()),
        body if body.contains("/shared/size") => found("String", "large"),
        body if body.contains("/shared/secret") => found("SecureString", "x"),
        _ => (400, r#"{"__type":"ParameterNotFound"}"#.to_owned()),
    }
}
