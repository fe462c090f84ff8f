//! The manifest as a person gets it: with comments on what may be changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::draft::{Draft, DraftFunction, DraftService, DraftSite, DraftStack};

/// The text of the manifest.
pub fn manifest(draft: &Draft) -> String {
    let Draft {
        application,
        environment,
        ..
    } = draft;
    let mut text = format!(
        "# What runs in {environment}, as it was found. Nothing changes before a deployment does:\n\
         #   lockstep validate\n#   lockstep apply\n#   lockstep deploy {environment}      # finds nothing to change\n\
         application: {application}\n"
    );
    section(&mut text, "stacks", &draft.stacks, |text, it| {
        stack(text, it, application, environment);
    });
    section(&mut text, "services", &draft.services, service);
    section(&mut text, "functions", &draft.functions, function);
    section(&mut text, "sites", &draft.sites, site);
    let _ = write!(
        text,
        "\nenvironments:\n  {environment}:\n    \
         # protected: true              # stacks cannot be deleted, `lockstep sync` is refused\n    \
         # trigger: {{ tags: [\"v*\"] }}    # image pushes that deploy by themselves; `releases: true` for uploaded releases\n    \
         verify:\n      \
         # http: [{{ url: \"https://…/health\" }}]    # what has to answer before a release counts as good\n      \
         settle_seconds: 30\n"
    );
    text
}

fn section<T>(text: &mut String, name: &str, all: &[T], mut each: impl FnMut(&mut String, &T)) {
    if all.is_empty() {
        return;
    }
    let _ = write!(text, "\n{name}:\n");
    for one in all {
        each(text, one);
    }
}

fn stack(text: &mut String, stack: &DraftStack, application: &str, environment: &str) {
    let _ = writeln!(text, "  {}:", stack.component);
    if stack.stack != format!("{application}-{environment}-{}", stack.component) {
        let _ = writeln!(text, "    stack: {}", quoted(&stack.stack));
    }
    let _ = writeln!(text, "    template: {}", quoted(&stack.file));
    map(text, "parameters", &stack.parameters);
    for name in &stack.kept {
        let _ = writeln!(text, "    # {name} keeps the value that the stack has");
    }
    list(text, "capabilities", &stack.capabilities);
    map(text, "tags", &stack.tags);
    match &stack.role {
        Some(role) => {
            let _ = writeln!(text, "    role: {}", quoted(role));
        }
        None => text.push_str(
            "    # role: arn:aws:iam::…    # the role that makes the changes; default: the controller's StackRoleArn\n",
        ),
    }
    list(text, "alarms", &stack.alarms);
    if stack.monitoring_minutes > 0 {
        let _ = writeln!(text, "    monitoring_minutes: {}", stack.monitoring_minutes);
    }
    if stack.termination_protection {
        text.push_str("    termination_protection: true\n");
    }
}

fn service(text: &mut String, service: &DraftService) {
    let _ = writeln!(text, "  {}:", service.component);
    let _ = writeln!(text, "    cluster: {}", quoted(&service.cluster));
    if service.service != service.component {
        let _ = writeln!(text, "    service: {}", quoted(&service.service));
    }
    map(text, "containers", &service.containers);
    for (name, image) in &service.others {
        let _ = writeln!(text, "    # container {name} keeps its image {image}");
    }
    let settings = [
        ("maximum_percent", service.maximum_percent),
        ("minimum_healthy_percent", service.minimum_healthy_percent),
        (
            "health_check_grace_seconds",
            service.health_check_grace_seconds.map(u64::from),
        ),
    ];
    let settings: Vec<_> = settings
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}: {}", (*value)?)))
        .collect();
    if !settings.is_empty() {
        let _ = writeln!(text, "    rollout: {{ {} }}", settings.join(", "));
    }
}

fn function(text: &mut String, function: &DraftFunction) {
    let _ = writeln!(text, "  {}:", function.component);
    let _ = writeln!(text, "    function: {}", quoted(&function.function));
    match &function.image {
        Some(repository) => {
            let _ = writeln!(text, "    image: {}", quoted(repository));
        }
        None => {
            let _ = writeln!(
                text,
                "    # artifact: {}.zip    # its path in uploaded releases",
                function.component
            );
        }
    }
    match &function.alias {
        Some(alias) => {
            let _ = writeln!(text, "    alias: {}", quoted(alias));
        }
        None => text.push_str("    # alias: live    # the alias that serves; without one the function itself is updated\n"),
    }
    if let Some(stack) = &function.stack {
        let _ = writeln!(
            text,
            "    # belongs to stack {stack}: docs/cloudformation.md says how its template reads the code that was released"
        );
    }
}

fn site(text: &mut String, site: &DraftSite) {
    let _ = writeln!(text, "  {}:", site.component);
    let _ = writeln!(text, "    bucket: {}", quoted(&site.bucket));
    let _ = writeln!(text, "    distribution: {}", quoted(&site.distribution));
    if let Some(origin) = &site.origin {
        let _ = writeln!(text, "    origin: {}", quoted(origin));
    }
    let _ = writeln!(
        text,
        "    artifact: {}.zip    # its path in uploaded releases: a zip file of all files\n    \
         # check: {{ url: \"https://…/\" }}    # the page that is looked at; default: that of the distribution's own domain name",
        site.component
    );
}

fn map(text: &mut String, name: &str, values: &BTreeMap<String, String>) {
    if values.is_empty() {
        return;
    }
    let _ = writeln!(text, "    {name}:");
    for (key, value) in values {
        let _ = writeln!(text, "      {}: {}", quoted(key), quoted(value));
    }
}

fn list(text: &mut String, name: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    let values: Vec<_> = values.iter().map(|it| quoted(it)).collect();
    let _ = writeln!(text, "    {name}: [{}]", values.join(", "));
}

/// Text that means itself in YAML: as it is where nobody can mistake it, else as JSON has it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.');
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && !words.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lockstep::manifest::Manifest;

    use super::{manifest, quoted};
    use crate::takeover::{Draft, DraftFunction, DraftService, DraftSite, DraftStack};

    fn of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    fn draft() -> Draft {
        Draft {
            application: "shop".into(),
            environment: "production".into(),
            stacks: vec![DraftStack {
                component: "data".into(),
                stack: "ShopData".into(),
                file: "infra/data.yaml".into(),
                template: "Parameters: { Size: { Type: String }, Note: { Type: String }, Secret: { Type: String, NoEcho: true } }\n\
                           Resources: { Topic: { Type: AWS::SNS::Topic } }\n"
                    .into(),
                parameters: of(&[("Size", "10"), ("Note", "a: \"b\"\nc")]),
                kept: vec!["Secret".into()],
                capabilities: vec!["CAPABILITY_NAMED_IAM".into()],
                tags: of(&[("team", "quiz")]),
                role: Some("arn:aws:iam::111122223333:role/stacks".into()),
                termination_protection: true,
                ..DraftStack::default()
            }],
            services: vec![DraftService {
                component: "web".into(),
                cluster: "shop".into(),
                service: "web-service".into(),
                containers: of(&[("web", "shop/web")]),
                others: of(&[("proxy", "nginx:1.27")]),
                maximum_percent: Some(150),
                minimum_healthy_percent: Some(50),
                health_check_grace_seconds: None,
            }],
            functions: vec![
                DraftFunction {
                    component: "api".into(),
                    function: "shop-api".into(),
                    alias: Some("live".into()),
                    stack: Some("data".into()),
                    ..DraftFunction::default()
                },
                DraftFunction {
                    component: "mail".into(),
                    function: "shop-mail".into(),
                    image: Some("shop/mail".into()),
                    ..DraftFunction::default()
                },
            ],
            sites: vec![DraftSite {
                component: "pages".into(),
                bucket: "shop-pages".into(),
                distribution: "E2ABCDEF".into(),
                origin: Some("s3".into()),
            }],
        }
    }

    #[test]
    fn what_is_written_is_a_manifest_that_says_what_was_found() {
        let draft = draft();
        let text = manifest(&draft);
        insta::assert_snapshot!(text);
        let file = Manifest::parse("lockstep.yaml", &text).unwrap();
        let load = |path: &str| {
            assert_eq!(path, "infra/data.yaml");
            Ok(draft.stacks[0].template.clone())
        };
        let stored = file.embed(load).unwrap();
        let environment = stored.resolve("production").unwrap();
        let stack = &environment.stacks["data"];
        assert_eq!(stack.stack, "ShopData");
        assert_eq!(stack.parameters.len(), 2);
        assert!(stack.termination_protection);
        assert_eq!(environment.services["web"].rollout.maximum_percent, 150);
        assert_eq!(environment.functions["api"].alias.as_deref(), Some("live"));
        assert_eq!(environment.sites["pages"].artifact, "pages.zip");
    }

    #[test]
    fn text_means_itself() {
        assert_eq!(quoted("shop/web"), "shop/web");
        for text in ["10", "true", "", "a: b", "*", "No"] {
            assert_eq!(quoted(text), format!("{text:?}"));
        }
    }
}
