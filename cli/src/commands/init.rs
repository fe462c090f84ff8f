//! `lockstep init`: a manifest for what runs already. Changes nothing in AWS.

use std::path::{Path, PathBuf};

use lockstep::manifest::Manifest;

use crate::args::{Global, InitArgs};
use crate::aws::config;
use crate::error::CliError;
use crate::exit::Exit;
use crate::takeover::{Draft, File, Gathered, Source, check_free, gather, manifest, save};
use crate::view::Output;
use crate::view::init::Initialised;

pub(super) async fn run(
    global: &Global,
    args: &InitArgs,
    output: Output,
) -> Result<Exit, CliError> {
    let sources = sources(args)?;
    let application = global.application.as_ref().ok_or_else(|| {
        CliError::invalid(
            "the application has no name yet",
            "name it with --application: a lower-case letter, then lower-case letters, digits and hyphens",
        )
    })?;
    check_free([args.out.as_path(), args.backup.as_path()])?;
    let config = config(global).await?;
    let gathered = gather(&config, application, &args.environment, &sources).await;
    let gathered = gathered.map_err(|error| CliError::Failed {
        message: format!("looking at what runs: {error}"),
        help: Some("nothing was written".to_owned()),
    })?;
    let files = files(args, &gathered)?;
    check_free(files.iter().map(|file| file.path.as_path()))?;
    save(&files)?;
    output.report(&Initialised::of(args, &gathered))?;
    Ok(Exit::Good)
}

/// What is named on the command line.
fn sources(args: &InitArgs) -> Result<Vec<Source>, CliError> {
    let stacks = args.stacks.iter().cloned().map(Source::Stack);
    let mut all: Vec<_> = stacks.collect();
    for named in &args.services {
        let (cluster, service) = named
            .split_once('/')
            .filter(|(cluster, service)| !cluster.is_empty() && !service.is_empty())
            .ok_or_else(|| {
                CliError::invalid(
                    format!("{named} is no service"),
                    "name it as CLUSTER/SERVICE",
                )
            })?;
        all.push(Source::Service {
            cluster: cluster.to_owned(),
            service: service.to_owned(),
        });
    }
    all.extend(args.functions.iter().cloned().map(Source::Function));
    all.extend(args.sites.iter().cloned().map(Source::Site));
    if all.is_empty() {
        return Err(CliError::invalid(
            "nothing is named that could be taken over",
            "name it: --from-stack NAME, --from-service CLUSTER/SERVICE, --from-function NAME, --from-site DISTRIBUTION",
        ));
    }
    Ok(all)
}

/// Everything that is written: the backup first, the manifest last. It is held to the same rules
/// as `lockstep validate` holds it to.
fn files(args: &InitArgs, gathered: &Gathered) -> Result<Vec<File>, CliError> {
    let Gathered { draft, backup, .. } = gathered;
    let is_empty = draft.stacks.is_empty()
        && draft.services.is_empty()
        && draft.functions.is_empty()
        && draft.sites.is_empty();
    if is_empty {
        return Err(CliError::invalid(
            format!(
                "nothing of this can be taken over: {}",
                gathered.remarks.join("; ")
            ),
            "nothing was written",
        ));
    }
    let text = manifest(draft);
    check(&args.out, &text, draft)?;
    let beside = args.out.parent().unwrap_or(Path::new(""));
    let public = |path: PathBuf, text: &str| File {
        path,
        text: text.to_owned(),
        private: false,
    };
    let templates = draft.stacks.iter();
    let templates = templates.map(|it| public(beside.join(&it.file), &it.template));
    let mut files: Vec<_> = backup.below(&args.backup).chain(templates).collect();
    files.push(public(args.out.clone(), &text));
    Ok(files)
}

fn check(out: &Path, text: &str, draft: &Draft) -> Result<(), CliError> {
    let file = Manifest::parse(&out.display().to_string(), text).map_err(CliError::Manifest)?;
    let load = |path: &str| {
        let stack = draft.stacks.iter().find(|it| it.file == path);
        let template = stack.map(|it| it.template.clone());
        template.ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    file.embed(load).map(drop).map_err(CliError::Manifest)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{files, sources};
    use crate::args::{Cli, Command, InitArgs};
    use crate::takeover::{Draft, DraftFunction, DraftStack, Gathered, Source};

    fn args(line: &str) -> InitArgs {
        match Cli::parse_from(line.split(' ')).command {
            Command::Init(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_that_is_named_is_taken() {
        let args = args("lockstep init --from-stack a b --from-service c/d --from-function e");
        assert_eq!(args.environment, "production");
        let service = Source::Service {
            cluster: "c".into(),
            service: "d".into(),
        };
        let expected = [
            Source::Stack("a".into()),
            Source::Stack("b".into()),
            service,
            Source::Function("e".into()),
        ];
        assert_eq!(sources(&args).unwrap(), expected);
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for line in ["lockstep init", "lockstep init --from-service web"] {
            assert_eq!(sources(&args(line)).unwrap_err().exit().code(), 2);
        }
    }

    #[test]
    fn the_manifest_comes_last_and_is_sound() {
        let args = args("lockstep init --from-stack a --out x/lockstep.yaml");
        let mut gathered = Gathered::default();
        assert!(files(&args, &gathered).is_err(), "nothing is no manifest");
        gathered.draft = Draft {
            application: "shop".into(),
            environment: "production".into(),
            stacks: vec![DraftStack {
                component: "a".into(),
                stack: "a".into(),
                file: "infra/a.yaml".into(),
                template: "Resources: { Topic: { Type: AWS::SNS::Topic } }\n".into(),
                ..DraftStack::default()
            }],
            functions: vec![DraftFunction {
                component: "api".into(),
                function: "api".into(),
                ..DraftFunction::default()
            }],
            ..Draft::default()
        };
        let files = files(&args, &gathered).unwrap();
        let paths: Vec<_> = files.iter().map(|it| it.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["x/infra/a.yaml", "x/lockstep.yaml"]);
    }
}
