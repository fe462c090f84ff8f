//! `local status`, `local logs`.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::error::{IoContext, LocalError};
use super::super::layout::Layout;
use super::super::process::tail;
use super::super::signals::Interrupts;
use super::super::state::EngineState;
use super::up::describe;
use super::{LogsArgs, say};

/// Says what runs; an engine that is not there is an answer, not a failure.
pub(super) fn status(layout: &Layout, json: bool) -> Result<(), LocalError> {
    let state = EngineState::read(layout)?;
    if json {
        let text = serde_json::to_string_pretty(&state).map_err(std::io::Error::other);
        return say(&text.doing(|| "describing the engine".to_owned())?);
    }
    match state {
        Some(state) => say(&format!(
            "{}\n  since        {} (process {})",
            describe(&state),
            state.since,
            state.pid
        )),
        None => say(&format!(
            "No local engine is running in {}.",
            layout.home.display()
        )),
    }
}

/// Prints the end of the logs, and with `--follow` what is added to them.
pub(super) async fn logs(layout: &Layout, args: &LogsArgs) -> Result<(), LocalError> {
    let files = log_files(layout, args.name.as_deref())?;
    let mut read_to = BTreeMap::new();
    for (name, path) in &files {
        read_to.insert(
            name.clone(),
            path.metadata()
                .map(|metadata| metadata.len())
                .unwrap_or_default(),
        );
        print(name, &tail(path, args.lines), files.len() > 1)?;
    }
    if !args.follow {
        return Ok(());
    }
    let mut interrupts = Interrupts::listen()?;
    tokio::select! {
        () = interrupts.next() => Ok(()),
        followed = follow(&files, read_to) => followed,
    }
}

async fn follow(
    files: &BTreeMap<String, PathBuf>,
    mut read_to: BTreeMap<String, u64>,
) -> Result<(), LocalError> {
    loop {
        for (name, path) in files {
            let from = read_to.entry(name.clone()).or_default();
            let text = read_from(path, from).doing(|| format!("reading {}", path.display()))?;
            print(name, &text, files.len() > 1)?;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn read_from(path: &Path, from: &mut u64) -> std::io::Result<String> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(*from))?;
    *from += u64::try_from(file.read_to_end(&mut bytes)?).unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

fn print(name: &str, text: &str, with_name: bool) -> Result<(), LocalError> {
    text.lines().try_for_each(|line| {
        if with_name {
            say(&format!("{name:<12} {line}"))
        } else {
            say(line)
        }
    })
}

fn log_files(
    layout: &Layout,
    wanted: Option<&str>,
) -> Result<BTreeMap<String, PathBuf>, LocalError> {
    let folder = layout.logs();
    let entries = folder.read_dir().map_err(|_| LocalError::NotRunning {
        home: layout.home.clone(),
    })?;
    let files: BTreeMap<String, PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter_map(|path| {
            Some((
                path.file_name()?.to_str()?.strip_suffix(".log")?.to_owned(),
                path,
            ))
        })
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name))
        .collect();
    match wanted {
        Some(name) if files.is_empty() => {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            Err(LocalError::Io {
                what: format!("looking for {name}.log in {}", folder.display()),
                source,
            })
        }
        _ => Ok(files),
    }
}
