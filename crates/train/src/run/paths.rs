//! Paths of texts: in JSON as text, or as the system's own units if they are none (names on Unix need not be UTF-8),
//! and in the folder of a run.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a path or a list of paths")]
enum Written {
    Text(String),
    Units(OsString),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a path or a list of paths")]
enum Paths {
    One(Written),
    Many(Vec<Written>),
}

pub fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    let written = |path: &PathBuf| match path.to_str() {
        Some(text) => Written::Text(text.to_owned()),
        None => Written::Units(path.clone().into_os_string()),
    };
    serializer.collect_seq(paths.iter().map(written))
}

/// Reads a list, or one path or null, as older versions wrote it.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    let written = match Option::deserialize(deserializer)? {
        None => Vec::new(),
        Some(Paths::One(path)) => vec![path],
        Some(Paths::Many(paths)) => paths,
    };
    let path = |written| match written {
        Written::Text(text) => text.into(),
        Written::Units(units) => units.into(),
    };
    Ok(written.into_iter().map(path).collect())
}

/// The start of the names of copies of texts, in the folder of a run.
pub(super) const COPY: &str = "text-";

/// Returns whether a path names the copy of a text, relative to the folder of its run.
pub(super) fn is_copy(path: &Path) -> bool {
    let name = path.to_str().and_then(|name| name.strip_prefix(COPY));
    name.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
