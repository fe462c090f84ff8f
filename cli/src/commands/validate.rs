//! `lockstep validate`: every fault of a manifest, explained. Asks nobody.

use crate::application;
use crate::args::{Global, ManifestArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::view::Output;
use crate::view::manifest::Validated;

pub(super) fn run(global: &Global, args: &ManifestArgs, output: Output) -> Result<Exit, CliError> {
    let path = args.path.as_ref().unwrap_or(&global.file);
    let file = path.display().to_string();
    match application::load(path) {
        Ok(stored) => {
            output.report(&Validated::good(&file, &stored.manifest))?;
            Ok(Exit::Good)
        }
        Err(CliError::Manifest(faults)) => {
            output.report(&Validated::faulty(&file, faults))?;
            Ok(Exit::Invalid)
        }
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::{Cli, Command};
    use crate::view::Output;

    fn exit(manifest: &str) -> u8 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lockstep.yaml");
        std::fs::write(&path, manifest).unwrap();
        let cli = Cli::parse_from(["lockstep", "validate", "--json", path.to_str().unwrap()]);
        let Command::Validate(args) = cli.command else {
            panic!("not validate")
        };
        super::run(&cli.global, &args, Output::new(true))
            .unwrap()
            .code()
    }

    #[test]
    fn a_faulty_manifest_is_exit_code_2() {
        assert_eq!(
            exit(
                "application: a\nservices:\n  web: { cluster: c, containers: { web: a/web } }\nenvironments: { local: {} }\n"
            ),
            0
        );
        assert_eq!(exit("application: 7up\n"), 2);
    }
}
