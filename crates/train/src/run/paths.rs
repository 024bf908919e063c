//! Paths in JSON: as text, or as the system's own units if they are none (names on Unix need not be UTF-8).

use std::{ffi::OsString, path::PathBuf};

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
