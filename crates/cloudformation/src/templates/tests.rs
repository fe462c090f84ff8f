#![allow(clippy::unwrap_used)]

use crate::testing::{asked, cloudformation, error, ok};
use lockstep::stack::template_url;

#[tokio::test]
async fn the_template_is_read_as_it_was_sent() {
    let answers = [
        ok(
            "GetTemplate",
            "<TemplateBody># comment\nResources: {}\n</TemplateBody>",
        ),
        error(400, "ValidationError", "Stack [quiz] does not exist"),
    ];
    let (cloudformation, http) = cloudformation(&answers);
    let template = cloudformation.template("quiz").await.unwrap();
    assert_eq!(template.as_deref(), Some("# comment\nResources: {}\n"));
    assert_eq!(cloudformation.template("quiz").await.unwrap(), None);
    assert_eq!(
        asked(&http)[0],
        "GetTemplate StackName=quiz TemplateStage=Original"
    );
}

#[tokio::test]
async fn a_summary_names_parameters_and_capabilities() {
    let result = "<Parameters><member><ParameterKey>Password</ParameterKey><ParameterType>String</ParameterType>\
        <NoEcho>true</NoEcho><DefaultValue>x</DefaultValue><ParameterConstraints><AllowedValues><member>x</member>\
        </AllowedValues></ParameterConstraints></member></Parameters>\
        <Capabilities><member>CAPABILITY_IAM</member></Capabilities><CapabilitiesReason>a role</CapabilitiesReason>\
        <ResourceTypes><member>AWS::IAM::Role</member></ResourceTypes>";
    let (cloudformation, http) = cloudformation(&[ok("GetTemplateSummary", result)]);
    let summary = cloudformation
        .summary("stack quiz", "https://b.s3/x")
        .await
        .unwrap();
    let password = &summary.parameters[0];
    assert!(password.no_echo && password.name == "Password");
    assert_eq!(
        (password.default.as_deref(), password.allowed.as_slice()),
        (Some("x"), &["x".to_owned()][..])
    );
    assert_eq!(summary.capabilities, ["CAPABILITY_IAM"]);
    assert_eq!(summary.capabilities_reason, "a role");
    assert_eq!(
        asked(&http),
        ["GetTemplateSummary TemplateURL=https://b.s3/x"]
    );
}

#[tokio::test]
async fn a_template_that_is_not_one_is_rejected_with_the_stack() {
    let refused = error(
        400,
        "ValidationError",
        "Template format error: unsupported structure.",
    );
    let (cloudformation, _http) = cloudformation(&[refused]);
    let failed = cloudformation
        .summary("stack quiz", "https://b.s3/x")
        .await
        .unwrap_err();
    assert_eq!(
        failed.to_string(),
        "stack quiz: cloudformation:GetTemplateSummary refused: ValidationError: Template format error: \
         unsupported structure; correct the template and apply or release it, then deploy again"
    );
}

#[test]
fn an_address_names_the_bucket_in_its_host() {
    assert_eq!(
        template_url("eu-west-1", "releases", "templates/quiz/ab"),
        "https://releases.s3.eu-west-1.amazonaws.com/templates/quiz/ab"
    );
    assert!(
        template_url("cn-north-1", "b", "k")
            .starts_with("https://b.s3.cn-north-1.amazonaws.com.cn/")
    );
}
