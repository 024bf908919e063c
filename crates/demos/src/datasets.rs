//! Data sets by name: downloaded once, verified, and kept in a cache folder.
//!
//! | environment variable | meaning |
//! |---|---|
//! | `CHAR_LSTM_CACHE` | the cache folder; by default `char_lstm` in `XDG_CACHE_HOME` or `~/.cache` |
//! | `CHAR_LSTM_DATASETS` | the address of a mirror, to which the path of the file is appended |

use std::{
    env,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{exit::UsageError, view};

/// A text to download.
#[derive(Clone, Copy, Debug)]
pub struct Dataset {
    /// Its name on the command line.
    pub name: &'static str,
    /// The part of its address that a mirror replaces.
    pub host: &'static str,
    /// The rest of the address.
    pub path: &'static str,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: &'static str,
}

/// All data sets.
pub const DATASETS: [Dataset; 1] = [Dataset {
    name: "tiny-shakespeare",
    host: "https://raw.githubusercontent.com",
    path: "/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    bytes: 1_115_394,
    sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
}];

/// How long a server may stay silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the file of the data set called `name`, and downloads it if it is not in the cache.
///
/// # Errors
///
/// Returns an error if there is no such data set, if it cannot be downloaded, or if the cache folder
/// cannot be written to.
pub fn find(name: &str) -> Result<PathBuf> {
    let Some(dataset) = DATASETS.iter().find(|dataset| dataset.name == name) else {
        let known = DATASETS.map(|dataset| dataset.name).join(", ");
        let problem = format!("--dataset {name}: no such data set; the known ones are: {known}");
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
        .context("no home folder to keep data sets in; set CHAR_LSTM_CACHE to a folder")
}

impl Dataset {
    /// Returns its file in the folder `cache`, and downloads it from `host` if it is missing or damaged.
    ///
    /// # Errors
    ///
    /// Returns an error if the server sends other bytes or stays silent for longer than `patience`, or
    /// if the folder cannot be written to.
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
                "data set {}: cannot download {url}: {why:#}; get the file ({} bytes, SHA-256 {}) in \
                 another way and put it at {}",
                self.name,
                view::grouped(self.bytes as usize),
                self.sha256,
                file.display(),
            )
        })?;
        Ok(file)
    }

    /// Downloads to a temporary file, which takes its place only after it has been verified.
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
        // The file's name is on disk only once its folder is.
        #[cfg(unix)]
        File::open(cache)?.sync_all()?;
        Ok(())
    }

    /// Copies the file and verifies its length and SHA-256.
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
            bail!("not the expected file: it is longer");
        }
        let found = HEXLOWER.encode(&hasher.finalize());
        if found != self.sha256 {
            bail!("not the expected file: it has SHA-256 {found}");
        }
        Ok(())
    }
}
