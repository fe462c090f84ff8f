//! The rules for single values: what is expected of each, in words.

use http::Uri;

use super::error::Problem;
use super::names::{
    is_alias_name, is_ecs_name, is_function_name, is_name, is_repository, is_topic_name,
    is_variable_name,
};
use super::tags;
use crate::release_file::path_fault;

/// Why a value is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) expected: String,
    pub(super) help: Option<String>,
}

impl Refusal {
    /// The refusal of what was found at a path.
    pub(super) fn problem(self, path: &str, found: String) -> Problem {
        Problem {
            path: path.to_owned(),
            found,
            expected: self.expected,
            help: self.help,
        }
    }
}

/// A rule for one value.
pub(super) type Rule = fn(&str) -> Result<(), Refusal>;

fn refuse(expected: &str, help: Option<&str>) -> Result<(), Refusal> {
    Err(Refusal {
        expected: expected.to_owned(),
        help: help.map(str::to_owned),
    })
}

/// Names of applications, environments and services in the manifest.
pub(super) fn name(text: &str) -> Result<(), Refusal> {
    if is_name(text) {
        return Ok(());
    }
    let expected =
        "a lower-case letter, then lower-case letters, digits and hyphens, at most 32 characters";
    refuse(expected, None)
}

/// Names of ECS clusters and services.
pub(super) fn ecs_name(text: &str) -> Result<(), Refusal> {
    if is_ecs_name(text) {
        return Ok(());
    }
    let arn = text
        .starts_with("arn:")
        .then_some("write the name: the last part of the ARN");
    refuse(
        "letters, digits, hyphens and underscores, at most 255 characters",
        arn,
    )
}

/// ECR repository names.
pub(super) fn repository(text: &str) -> Result<(), Refusal> {
    // A registry's host would pass as the first part of a name: ECR allows dots in it.
    let (host, name) = text.split_once('/').unwrap_or(("", text));
    let registry = host.contains(".dkr.ecr.") || host.contains(".dkr-ecr.");
    let name = if registry { name } else { text };
    let bare = name.split(['@', ':']).next().unwrap_or_default();
    match (is_repository(bare), bare == name) {
        (true, true) if !registry => Ok(()),
        (true, true) => {
            let help = format!("write `{bare}`: the registry is always the controller's own");
            refuse("the name of an ECR repository alone", Some(&help))
        }
        (true, false) => {
            let help = format!("write `{bare}`: only the repository; the tag comes from the push");
            refuse("the name of an ECR repository alone", Some(&help))
        }
        (false, _) => refuse(
            "an ECR repository name: 2 to 256 lower-case letters and digits, with `/` or a single `.`, `_` or `-` \
             between them",
            None,
        ),
    }
}

/// SNS topics, by name or ARN.
pub(super) fn topic(text: &str) -> Result<(), Refusal> {
    let name = match text.strip_prefix("arn:") {
        None => text,
        Some(arn) => match arn.split(':').collect::<Vec<_>>().as_slice() {
            [_, "sns", region, account, name] if !region.is_empty() && account.len() == 12 => name,
            _ => return refuse("an SNS topic's name, or its ARN", None),
        },
    };
    if name.starts_with("lockstep-") && is_topic_name(name) {
        return Ok(());
    }
    let help = "the controller may publish to topics of that name only";
    refuse(
        "the name (or the ARN) of an SNS topic that begins with `lockstep-`",
        Some(help),
    )
}

/// Addresses of HTTP checks.
pub(super) fn url(text: &str) -> Result<(), Refusal> {
    let expected = "an address such as https://example.com/health";
    let Ok(uri) = text.parse::<Uri>() else {
        return refuse(expected, None);
    };
    let Some(authority) = uri.authority().filter(|it| !it.host().is_empty()) else {
        return refuse(
            expected,
            Some("it must name a host, with http:// or https:// before it"),
        );
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return refuse("an address that begins with http:// or https://", None);
    }
    if authority.as_str().contains('@') {
        return refuse(
            expected,
            Some("the manifest must hold no passwords; check an open address"),
        );
    }
    Ok(())
}

/// Tag patterns.
pub(super) fn tag_pattern(text: &str) -> Result<(), Refusal> {
    let expected = "a pattern for image tags, such as `*` or `v[0-9]*`";
    match tags::mistake(text) {
        None if !text.is_empty() => Ok(()),
        mistake => refuse(expected, mistake.as_deref()),
    }
}

/// Names of Lambda functions.
pub(super) fn function_name(text: &str) -> Result<(), Refusal> {
    if is_function_name(text) {
        return Ok(());
    }
    let arn = text
        .starts_with("arn:")
        .then_some("write the name: the last part of the ARN");
    refuse(
        "letters, digits, hyphens and underscores, at most 64 characters",
        arn,
    )
}

/// Patterns for names of Lambda functions. One that matches every function would deploy to
/// functions that are none of the application's.
pub(super) fn function_pattern(text: &str) -> Result<(), Refusal> {
    let expected = "a pattern for function names, such as `shop-*`";
    let plain = text.chars().filter(char::is_ascii_alphanumeric).count();
    match tags::mistake(text) {
        None if text.contains('.') => refuse(expected, Some("no function's name holds a `.`")),
        None if plain < 2 => refuse(
            expected,
            Some("write at least the two characters that the names begin with"),
        ),
        None => Ok(()),
        Some(mistake) => refuse(
            expected,
            Some(&mistake.replace("image tag", "function name")),
        ),
    }
}

/// Names of Lambda aliases.
pub(super) fn alias(text: &str) -> Result<(), Refusal> {
    if is_alias_name(text) {
        return Ok(());
    }
    let latest = text
        .starts_with('$')
        .then_some("leave `alias` out to update the function itself");
    refuse(
        "letters, digits, hyphens and underscores, not digits alone",
        latest,
    )
}

/// Names of CloudWatch alarms.
pub(super) fn alarm(text: &str) -> Result<(), Refusal> {
    let arn = text
        .starts_with("arn:")
        .then_some("write the name: the last part of the ARN");
    if !text.trim().is_empty() && text.len() <= 255 && arn.is_none() {
        return Ok(());
    }
    refuse(
        "the name of a CloudWatch alarm, at most 255 characters",
        arn,
    )
}

/// Names of environment variables of Lambda functions.
pub(super) fn variable(text: &str) -> Result<(), Refusal> {
    let reserved = ["AWS_LAMBDA_", "LAMBDA_RUNTIME_", "LAMBDA_TASK_"];
    let named = [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
    ];
    let secrets = [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_XRAY_DAEMON_ADDRESS",
    ];
    let settable = ["AWS_LAMBDA_EXEC_WRAPPER"].contains(&text);
    let is_reserved = reserved.iter().any(|prefix| text.starts_with(prefix))
        || named.contains(&text)
        || secrets.contains(&text);
    if is_reserved && !settable {
        return refuse("a variable that Lambda does not set itself", None);
    }
    if is_variable_name(text) {
        return Ok(());
    }
    refuse(
        "a letter, then letters, digits and underscores, at least two characters",
        None,
    )
}

/// Paths of artifacts in release.json.
pub(super) fn artifact(text: &str) -> Result<(), Refusal> {
    match path_fault(text) {
        None if !text.is_empty() => Ok(()),
        fault => refuse(
            fault.unwrap_or("a path relative to release.json, such as `api.zip`"),
            None,
        ),
    }
}

/// Texts that must say something.
pub(super) fn not_empty(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return refuse(
            "a text with something in it",
            Some("leave it out to keep what is there"),
        );
    }
    Ok(())
}

/// Paths of task definition files.
pub(super) fn file(text: &str) -> Result<(), Refusal> {
    if !text.trim().is_empty() && !text.starts_with('/') && !text.contains("://") {
        return Ok(());
    }
    refuse("the path of a JSON file, relative to the manifest", None)
}

/// Names of CloudFormation stacks.
pub(super) fn stack_name(text: &str) -> Result<(), Refusal> {
    let arn = text
        .starts_with("arn:")
        .then_some("write the name: what stands after `stack/` in the ARN");
    let mut characters = text.chars();
    let begins = characters.next().is_some_and(|it| it.is_ascii_alphabetic());
    if begins && text.len() <= 128 && characters.all(|it| it.is_ascii_alphanumeric() || it == '-') {
        return Ok(());
    }
    refuse(
        "a letter, then letters, digits and hyphens, at most 128 characters",
        arn,
    )
}

/// Paths of template files.
pub(super) fn template_file(text: &str) -> Result<(), Refusal> {
    let help = text.contains("://").then_some(
        "`lockstep apply` stores the file's content; a template that a build makes is `{artifact: PATH}`",
    );
    if !text.trim().is_empty() && !text.starts_with('/') && help.is_none() {
        return Ok(());
    }
    refuse(
        "the path of a YAML or JSON file, relative to the manifest",
        help,
    )
}

/// ARNs of IAM roles.
pub(super) fn role_arn(text: &str) -> Result<(), Refusal> {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "iam", "", account, role]
            if account.len() == 12
                && role.strip_prefix("role/").is_some_and(|it| !it.is_empty()) =>
        {
            Ok(())
        }
        _ => refuse(
            "the ARN of an IAM role: arn:aws:iam::111122223333:role/NAME",
            None,
        ),
    }
}

/// CloudWatch alarms, by name or ARN.
pub(super) fn alarm_or_arn(text: &str) -> Result<(), Refusal> {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "cloudwatch", _, account, "alarm", name, ..]
            if account.len() == 12 && !name.is_empty() =>
        {
            Ok(())
        }
        ["arn", ..] => refuse("an alarm's name, or its ARN", None),
        _ => alarm(text),
    }
}

/// Names of a template's parameters and outputs.
pub(super) fn parameter_name(text: &str) -> Result<(), Refusal> {
    let plain = text.chars().all(|it| it.is_ascii_alphanumeric());
    if plain && (1..=255).contains(&text.len()) {
        return Ok(());
    }
    refuse("letters and digits, at most 255 of them", None)
}

/// Logical ids of resources, those of nested stacks with the way to them.
pub(super) fn logical_id(text: &str) -> Result<(), Refusal> {
    if text.split('/').all(|part| parameter_name(part).is_ok()) {
        return Ok(());
    }
    let help = "a nested stack's resource is written Nested/OrdersTable";
    refuse(
        "a resource's logical id, as the template has it",
        Some(help),
    )
}

/// CodeBuild projects.
pub(super) fn build_project(text: &str) -> Result<(), Refusal> {
    let allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
    let begins = text.starts_with(|it: char| it.is_ascii_alphanumeric());
    if begins && (2..=150).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    refuse(
        "the name of a CodeBuild project: a letter or a digit, then letters, digits, hyphens and underscores",
        None,
    )
}

/// What of a source is built.
pub(super) fn source_version(text: &str) -> Result<(), Refusal> {
    let plain = |it: char| !it.is_whitespace() && !it.is_control();
    if (1..=255).contains(&text.len()) && text.chars().all(plain) {
        return Ok(());
    }
    refuse(
        "`commit`, or a branch, a tag or a commit of the project's source",
        None,
    )
}

/// Folders with the source of infrastructure.
pub(super) fn source_folder(text: &str) -> Result<(), Refusal> {
    let help = text.contains("://").then_some(
        "`lockstep apply` stores the folder's content; a zip file that a build makes is `{artifact: PATH}`",
    );
    if !text.trim().is_empty() && !text.starts_with('/') && help.is_none() {
        return Ok(());
    }
    refuse("the path of a folder, relative to the manifest", help)
}

/// Variables of infrastructure: those of Terraform, and keys of Pulumi's configuration.
pub(super) fn build_variable(text: &str) -> Result<(), Refusal> {
    let begins = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_');
    let allowed =
        |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.' | ':' | '/');
    if begins && text.len() <= 128 && text.chars().all(allowed) {
        return Ok(());
    }
    refuse(
        "the name of a variable: a letter or `_`, then letters, digits and `_-.:/`",
        None,
    )
}

/// Variables of a build of migrations, of a gate or of images. Those that begin with `LOCKSTEP_` are Lockstep's own.
pub(super) fn own_build_variable(text: &str) -> Result<(), Refusal> {
    if text.starts_with("LOCKSTEP_") || text.starts_with("CODEBUILD_") {
        return refuse(
            "a name that begins neither with `LOCKSTEP_` nor with `CODEBUILD_`",
            None,
        );
    }
    build_variable(text)
}

/// Variables of a build of images. Those that say what is to be made are Lockstep's own, too.
pub(super) fn image_build_variable(text: &str) -> Result<(), Refusal> {
    if ["IMAGE_REPOSITORY", "IMAGE_TAG", "IMAGE_URI"].contains(&text) {
        return refuse("another name: Lockstep sets this one", None);
    }
    own_build_variable(text)
}

/// Outputs of infrastructure.
pub(super) fn build_output(text: &str) -> Result<(), Refusal> {
    let allowed =
        |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.' | ':' | '/');
    if (1..=255).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    refuse("the name of an output: letters, digits and `_-.:/`", None)
}

/// Addresses of resources, as the tool that made them has them.
pub(super) fn resource_address(text: &str) -> Result<(), Refusal> {
    let printable = text.chars().all(|it| !it.is_control());
    if !text.is_empty() && text.trim() == text && printable {
        return Ok(());
    }
    refuse(
        "a resource's address, as the plan shows it, such as `aws_db_instance.main`",
        None,
    )
}

/// Buckets, without anything before or after their name.
pub(super) fn bucket(text: &str) -> Result<(), Refusal> {
    let allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || "-.".contains(it);
    let ends = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_name = (3..=63).contains(&text.len())
        && text.chars().all(allowed)
        && text.starts_with(ends)
        && text.ends_with(ends);
    if is_name {
        return Ok(());
    }
    refuse(
        "the name of a bucket: 3 to 63 lower-case letters, digits, hyphens and dots",
        None,
    )
}

/// Ids of distributions.
pub(super) fn distribution(text: &str) -> Result<(), Refusal> {
    let allowed = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit();
    if (8..=32).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    let help = text
        .contains('.')
        .then_some("the id, not the domain name: CloudFront's console shows both");
    refuse("the id of a distribution, such as `E2EXAMPLE1ABCD`", help)
}

/// Names and ARNs of CloudFront's `KeyValueStore`s.
pub(super) fn key_value_store(text: &str) -> Result<(), Refusal> {
    let name = match text.split_once(":key-value-store/") {
        Some((place, id)) if place.starts_with("arn:aws:cloudfront::") => id,
        Some(_) => "",
        None => text,
    };
    let allowed = |it: char| it.is_ascii_alphanumeric() || "-_".contains(it);
    if (1..=64).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    refuse(
        "the name of a KeyValueStore, 1 to 64 letters, digits, `-` and `_`, or its ARN",
        None,
    )
}

/// Keys of a `KeyValueStore`.
pub(super) fn store_key(text: &str) -> Result<(), Refusal> {
    let printable = text.chars().all(|it| it.is_ascii_graphic() && it != '\'');
    if (1..=512).contains(&text.len()) && printable {
        return Ok(());
    }
    refuse("a key of at most 512 letters, digits and signs", None)
}

/// Folders of a bucket in which the files of a site lie.
pub(super) fn site_folder(text: &str) -> Result<(), Refusal> {
    let folder = text.trim_end_matches('/');
    let allowed = |it: char| it.is_ascii_alphanumeric() || "-_./".contains(it);
    let ours = [".lockstep", "releases"].contains(&folder.split('/').next().unwrap_or_default());
    if folder.is_empty()
        || folder.chars().all(allowed)
            && !folder.starts_with('/')
            && !folder.contains("//")
            && !ours
    {
        return Ok(());
    }
    let help = ours.then_some("Lockstep keeps other things there");
    refuse("a folder of the bucket, such as `site` or `apps/web`", help)
}

/// Files of a site that are made when it is deployed.
pub(super) fn site_file(text: &str) -> Result<(), Refusal> {
    match crate::release_file::path_fault(text) {
        None => Ok(()),
        Some(_) => refuse(
            "the path of a file in the site, such as `config.json`",
            None,
        ),
    }
}

/// Patterns of a site's files.
pub(super) fn site_pattern(text: &str) -> Result<(), Refusal> {
    let closed =
        |open: char, close: char| text.matches(open).count() == text.matches(close).count();
    if text.starts_with('/') {
        return refuse(
            "a pattern of paths, such as `fonts/**`",
            Some("paths of files do not begin with `/`"),
        );
    }
    if !text.is_empty() && closed('[', ']') && closed('{', '}') {
        return Ok(());
    }
    refuse("a pattern of paths, such as `fonts/**`", None)
}

/// Values of the header `Cache-Control`.
pub(super) fn cache_control(text: &str) -> Result<(), Refusal> {
    let printable = text.chars().all(|it| it.is_ascii_graphic() || it == ' ');
    if !text.trim().is_empty() && printable && text.len() <= 256 {
        return Ok(());
    }
    refuse(
        "a header `Cache-Control`, such as `public, max-age=86400`",
        None,
    )
}

/// Paths that CloudFront forgets: a `*` only at the end.
pub(super) fn invalidation_path(text: &str) -> Result<(), Refusal> {
    let before = text.strip_suffix('*').unwrap_or(text);
    let printable = text.chars().all(|it| it.is_ascii_graphic());
    if text.starts_with('/') && printable && !before.contains('*') && text.len() <= 1024 {
        return Ok(());
    }
    refuse(
        "a path that begins with `/`, with `*` only at its end",
        None,
    )
}

/// Keys of a stack's tags.
pub(super) fn tag_key(text: &str) -> Result<(), Refusal> {
    let reserved = ["aws:", "lockstep:"];
    if reserved
        .iter()
        .any(|it| text.to_ascii_lowercase().starts_with(it))
    {
        return refuse(
            "a key that begins neither with `aws:` nor with `lockstep:`",
            None,
        );
    }
    if (1..=128).contains(&text.chars().count()) {
        return Ok(());
    }
    refuse("a key of at most 128 characters", None)
}

/// Names of SSM parameters.
pub(super) fn ssm_parameter(text: &str) -> Result<(), Refusal> {
    let named = text
        .chars()
        .all(|it| it.is_ascii_alphanumeric() || "_.-/".contains(it));
    if named && !text.is_empty() && text.len() <= 1011 {
        return Ok(());
    }
    let arn = text
        .starts_with("arn:")
        .then_some("write the name: what stands after `parameter` in the ARN");
    refuse(
        "the name of an SSM parameter, such as `/shared/db/endpoint`",
        arn,
    )
}

/// Images by their whole name.
pub(super) fn image(text: &str) -> Result<(), Refusal> {
    let plain =
        !text.trim().is_empty() && !text.contains(char::is_whitespace) && !text.contains("://");
    if plain && text.len() <= 1024 {
        return Ok(());
    }
    refuse("an image, such as `public.ecr.aws/nginx/nginx:1.27`", None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{repository, topic, url};

    #[test]
    fn a_repository_is_told_apart_from_an_image() {
        let help = |text: &str| repository(text).unwrap_err().help.unwrap();
        let registry = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/live-quiz/web";
        assert!(help("live-quiz/web:v1").contains("the tag comes from the push"));
        assert!(
            help(&format!("live-quiz/web@sha256:{}", "0".repeat(64)))
                .starts_with("write `live-quiz/web`")
        );
        assert!(help(&format!("{registry}:v1")).starts_with("write `live-quiz/web`"));
        assert!(help(registry).contains("the registry is always the controller's own"));
        assert!(repository("Live").unwrap_err().help.is_none());
    }

    #[test]
    fn topics_are_names_or_arns_of_ours() {
        assert!(topic("lockstep-quiz").is_ok());
        assert!(topic("arn:aws-cn:sns:cn-north-1:111122223333:lockstep-quiz").is_ok());
        for wrong in [
            "quiz",
            "arn:aws:sns:eu-west-1:111122223333:quiz",
            "arn:aws:sqs:a:b:c",
            "lockstep-a b",
        ] {
            assert!(topic(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_need_scheme_and_host() {
        assert!(
            url("https://a.example:8080/health?x=1").is_ok() && url("http://127.0.0.1").is_ok()
        );
        for wrong in [
            "a.example/health",
            "ftp://a.example",
            "https://",
            "https://u:p@a.example",
            "x y",
            "",
        ] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
