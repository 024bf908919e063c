//! Data sets by name: downloaded once into a cache folder, checked, and read from there ever after.
//!
//! | environment variable | |
//! |---|---|
//! | `CHAR_LSTM_CACHE` | the folder; otherwise `char_lstm` in `XDG_CACHE_HOME` or in `~/.cache` |
//! | `CHAR_LSTM_DATASETS` | where to download from instead: an address that the file's own path follows |

use std::{
    env,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use crate::{exit::UsageError, view};

/// A file that somebody else keeps.
#[derive(Clone, Copy, Debug)]
pub struct Dataset {
    /// What it is called here.
    pub name: &'static str,
    /// Where it is: the part of its address that a mirror may have instead.
    pub host: &'static str,
    /// The rest of the address.
    pub path: &'static str,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 as hexadecimal digits.
    pub sha256: &'static str,
}

/// All that have a name.
pub const DATASETS: [Dataset; 1] = [Dataset {
    name: "tiny-shakespeare",
    host: "https://raw.githubusercontent.com",
    path: "/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    bytes: 1_115_394,
    sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
}];

/// How long a server may say nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// The file of the data set of this name; downloads it where the cache does not have it.
///
/// # Errors
///
/// Returns an error if there is no such data set, it cannot be downloaded, or the cache folder
/// cannot be written.
pub fn find(name: &str) -> Result<PathBuf> {
    let Some(dataset) = DATASETS.iter().find(|dataset| dataset.name == name) else {
        let known = DATASETS.map(|dataset| dataset.name).join(", ");
        let problem = format!("--dataset {name}: no such data set; there is {known}");
        return Err(UsageError(problem).into());
    };
    let host = env::var("CHAR_LSTM_DATASETS").unwrap_or_else(|_| dataset.host.to_owned());
    dataset.fetch(&host, &cache()?, PATIENCE)
}

fn cache() -> Result<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("CHAR_LSTM_CACHE")
        .or_else(|| {
            let all = set("XDG_CACHE_HOME").or_else(|| Some(env::home_dir()?.join(".cache")))?;
            Some(all.join("char_lstm"))
        })
        .context("no home folder to keep data sets in; name one in CHAR_LSTM_CACHE")
}

impl Dataset {
    /// Its file in the folder `cache`; downloads it from `host` where it is not there as it should be.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not answer with these bytes, or says nothing for as long
    /// as `patience`; or if the folder cannot be written.
    pub fn fetch(&self, host: &str, cache: &Path, patience: Duration) -> Result<PathBuf> {
        let file = cache.join(self.name).with_extension("txt");
        if let Ok(kept) = File::open(&file)
            && self.check(kept, &mut io::sink()).is_ok()
        {
            return Ok(file);
        }
        fs::create_dir_all(cache).with_context(|| cache.display().to_string())?;
        let url = format!("{host}{}", self.path);
        self.download(&url, cache, &file, patience).map_err(|why| {
            anyhow!(
                "data set {}: no download of {url}: {why:#}; get that file in another way ({} bytes, \
                 SHA-256 {}) and put it at {}",
                self.name,
                view::grouped(self.bytes as usize),
                self.sha256,
                file.display(),
            )
        })?;
        Ok(file)
    }

    /// Beside its place first: what is there has been checked and is whole.
    fn download(&self, url: &str, cache: &Path, file: &Path, patience: Duration) -> Result<()> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_per_read(Some(patience))
            .build()
            .into();
        let mut response = agent.get(url).call()?;
        let bar = view::download_bar(self.name, self.bytes);
        let body = bar.wrap_read(response.body_mut().as_reader());

        let mut unfinished = tempfile::NamedTempFile::new_in(cache)?;
        let checked = self.check(body, &mut unfinished);
        bar.finish_and_clear();
        checked?;
        unfinished.as_file().sync_all()?;
        unfinished.persist(file)?;
        // The name is on the disk when the folder is.
        #[cfg(unix)]
        File::open(cache)?.sync_all()?;
        Ok(())
    }

    /// Copies it, and checks that it is what it should be.
    fn check(&self, from: impl Read, to: &mut impl Write) -> Result<()> {
        let mut hasher = Sha256::new();
        let mut from = from.take(self.bytes + 1);
        let (mut block, mut length) = (vec![0; 1 << 16], 0);
        loop {
            let n = from.read(&mut block)?;
            if n == 0 {
                break;
            }
            hasher.update(&block[..n]);
            to.write_all(&block[..n])?;
            length += n as u64;
        }
        if length < self.bytes {
            bail!("it ends after {} bytes", view::grouped(length as usize));
        }
        if length > self.bytes {
            bail!("it is another file, and longer");
        }
        let found = format!("{:x}", hasher.finalize());
        if found != self.sha256 {
            bail!("it is another file, with SHA-256 {found}");
        }
        Ok(())
    }
}
