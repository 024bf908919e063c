//! The files of a text, in their order.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::{Error, InFile};

/// A file to read.
#[derive(Debug)]
pub(crate) struct Source {
    pub path: PathBuf,
    /// Whether it was found in a folder rather than named.
    pub is_found: bool,
}

/// Lists the files that `paths` name. A folder stands for all files in it and in its folders, sorted by
/// name, except for names that begin with a dot and folders of runs. Also returns what else was skipped, and why.
pub(crate) fn list(paths: &[PathBuf]) -> Result<(Vec<Source>, Vec<Skipped>), Error> {
    let (mut sources, mut skipped) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            walk(path, &mut sources, &mut skipped)?;
        } else {
            sources.push(Source {
                path: path.clone(),
                is_found: false,
            });
        }
    }
    Ok((sources, skipped))
}

fn walk(folder: &Path, sources: &mut Vec<Source>, skipped: &mut Vec<Skipped>) -> Result<(), Error> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
    let mut entries = entries.in_file(folder)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let is_link = entry.file_type().in_file(&path)?.is_symlink();
        match fs::metadata(&path) {
            Ok(there) if there.is_file() => sources.push(Source {
                path,
                is_found: true,
            }),
            Ok(there) if there.is_dir() && is_run(&path) => {
                skipped.push(Skipped::new(path, "the folder of a run"));
            }
            Ok(there) if there.is_dir() && !is_link => walk(&path, sources, skipped)?,
            Ok(there) if there.is_dir() => skipped.push(Skipped::new(path, "a link to a folder")),
            Ok(_) => skipped.push(Skipped::new(path, "not a file")),
            Err(_) if is_link => skipped.push(Skipped::new(path, "a link to nothing")),
            Err(e) => return Err(e).in_file(&path),
        }
    }
    Ok(())
}

/// Returns whether a folder is the folder of a run: what came of a text is not part of it.
fn is_run(folder: &Path) -> bool {
    ["config.json", "vocab.json", "metrics.jsonl"]
        .iter()
        .all(|file| folder.join(file).is_file())
}

/// Something in a folder that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its path.
    pub path: PathBuf,
    /// Why it is not read.
    pub reason: &'static str,
}

impl Skipped {
    pub(crate) fn new(path: PathBuf, reason: &'static str) -> Self {
        Skipped { path, reason }
    }
}
