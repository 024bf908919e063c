//! Files and folders that a crash at any moment leaves whole, old or new: written beside their place,
//! synced to the disk, then renamed.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::error::{Error, InFile};

/// The calls that can fail, or be the last before a crash. [`Disk`] is what runs use; a test has its
/// own, which fails where it wants.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Makes a folder in one that is there.
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    /// Makes a file, or empties it.
    fn create(&self, path: &Path) -> io::Result<File> {
        File::create(path)
    }

    /// Writes to a file.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Waits until what was written is on the disk.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Gives a file or a folder another name in the same folder. A file takes the place of another.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }
}

/// The real one.
#[derive(Debug)]
pub struct Disk;

impl FileSystem for Disk {}

/// Writes a file, in the place of an old one if there is one.
pub(crate) fn write_file(fs: &dyn FileSystem, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    write_synced(fs, unfinished, bytes)
        .and_then(|()| put(fs, unfinished, path))
        .inspect_err(|_| drop(fs::remove_file(unfinished)))
}

/// Writes a folder of files, where there is none yet. One process at a time may write beside it.
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
    // What could not be finished may be what filled the disk.
    write().inspect_err(|_| drop(fs::remove_dir_all(unfinished)))
}

/// Removes a folder, under another name, so that it is never there in part.
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

/// Gives what is finished its name, for good.
fn put(fs: &dyn FileSystem, unfinished: &Path, path: &Path) -> Result<(), Error> {
    fs.rename(unfinished, path).in_file(path)?;
    sync_dir(fs, path.parent().unwrap_or(Path::new(".")))
}

/// Makes the names in a folder last. Windows has no such call.
fn sync_dir(fs: &dyn FileSystem, path: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        let dir = File::open(path).in_file(path)?;
        fs.sync(&dir).in_file(path)?;
    }
    Ok(())
}
