//! What to do about a path that does not name what it should.

use std::{fs, path::Path};

/// Returns what to do about a path that is not there, if the reason can be seen.
pub fn for_missing(path: &Path) -> Option<&'static str> {
    let name = path.to_string_lossy();
    Some(match () {
        _ if name.contains("://") => "it is not a file; download it first",
        _ if name.starts_with('~') => {
            "the shell replaces ~ only at the start of a word and outside of quotes; write $HOME"
        }
        _ if name.contains(['*', '?']) && cfg!(windows) => "name the files, or their folder",
        _ if name.contains(['*', '?']) => "no file is called so, or the pattern is in quotes",
        _ if name.ends_with('\r') => {
            "remove the carriage returns (\\r) from the ends of the lines of the script"
        }
        _ => return None,
    })
}

/// Returns what to name instead of a path that is not the folder of a run: the folder around a file of a run, or
/// the runs in a folder.
pub fn for_no_run(path: &Path) -> Option<String> {
    let is_run = |folder: &Path| folder.join("config.json").is_file();
    if path.is_file() {
        let folder = path.parent().filter(|folder| is_run(folder))?;
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        return Some(format!("name the folder, {}", folder.display()));
    }
    let entries = fs::read_dir(path).ok()?;
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut runs: Vec<_> = folders.filter(|folder| is_run(folder)).collect();
    runs.sort();
    let first = runs.first()?.display();
    Some(match runs.len() {
        1 => format!("name the run in it, {first}"),
        n => format!("name one of the {n} runs in it, such as {first}"),
    })
}
