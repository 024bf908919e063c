//! Atomic writes: a crash at any moment leaves a file or folder whole, either old or new. It is written
//! under another name, synced to the disk, then renamed.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::error::{Error, InFile};

/// The calls that can fail, or be the last before a crash. Runs use [`Disk`]; a test can substitute a file
/// system that fails at a call of its choice.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Creates a folder in an existing one.
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    /// Creates a file, or truncates an existing one.
    fn create(&self, path: &Path) -> io::Result<File> {
        File::create(path)
    }

    /// Writes to a file.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Waits until everything written is on the disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Renames a file or a folder within its folder. A file replaces an existing file of that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
}

/// The operating system's file system.
#[derive(Debug)]
pub struct Disk;

impl FileSystem for Disk {}

/// Writes a file, replacing an existing one.
pub(crate) fn write_file(fs: &dyn FileSystem, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    write_synced(fs, unfinished, bytes)
        .and_then(|()| put(fs, unfinished, path))
        .inspect_err(|_| drop(fs::remove_file(unfinished)))
}

/// Writes a folder of files that does not exist yet. Only one process at a time may write to its parent.
pub(crate) fn write_dir(
    fs: &dyn FileSystem,
    path: &Path,
    files: &[(&str, &[u8])],
) -> Result<(), Error> {
    let unfinished = &path.with_file_name(".new");
    remove_all(unfinished)?;
    let write = || {
        fs.create_dir(unfinished).in_file(unfinished)?;
        for (name, bytes) in files {
            write_synced(fs, &unfinished.join(name), bytes)?;
        }
        sync_dir(fs, unfinished)?;
        put(fs, unfinished, path)
    };
    // The unfinished folder may be what filled the disk.
    write().inspect_err(|_| drop(fs::remove_dir_all(unfinished)))
}

/// Removes a folder. It is renamed first, so that a part of it never stands under its name.
pub(crate) fn remove_dir(fs: &dyn FileSystem, path: &Path) -> Result<(), Error> {
    let going = &path.with_file_name(".old");
    remove_all(going)?;
    fs.rename(path, going).in_file(path)?;
    remove_all(going)
}

fn remove_all(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).in_file(path),
        _ => Ok(()),
    }
}

fn write_synced(fs: &dyn FileSystem, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = fs.create(path).in_file(path)?;
    fs.write(&mut file, bytes).in_file(path)?;
    fs.sync(&file).in_file(path)
}

/// Gives a finished file or folder its name, durably.
fn put(fs: &dyn FileSystem, unfinished: &Path, path: &Path) -> Result<(), Error> {
    fs.rename(unfinished, path).in_file(path)?;
    sync_dir(fs, path.parent().unwrap_or(Path::new(".")))
}

/// Makes renames in a folder durable. Windows has no such call.
fn sync_dir(fs: &dyn FileSystem, path: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        let dir = File::open(path).in_file(path)?;
        fs.sync(&dir).in_file(path)?;
    }
    Ok(())
}
