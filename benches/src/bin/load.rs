//! How long it takes to load weights, against reading and hashing the file: the least that a careful program
//! does.
//!
//! ```text
//! cargo run -p benches --bin load [FILE …]
//! ```
//!
//! Without a file it writes one of 100 MB, an LSTM of three layers, and removes it.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Result;
use burn_ndarray::NdArray;
use models::{
    AnyCell, CellKind, Stack, StackConfig,
    weights::{WeightFile, to_safetensors},
};
use sha2::{Digest, Sha256};

type B = NdArray<f32>;

const ROUNDS: usize = 15;

fn main() -> Result<()> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if !files.is_empty() {
        return files.iter().try_for_each(|file| measure(file));
    }
    let file = std::env::temp_dir().join(format!("load-{}.safetensors", std::process::id()));
    let config = StackConfig::new(1024, 1024).with_n_layers(3);
    let stack: Stack<B, AnyCell<B>> = config.init(CellKind::Lstm, &Default::default());
    fs::write(&file, to_safetensors(&stack.to_pytorch("rnn.")?, &[]))?;
    let measured = measure(&file);
    fs::remove_file(&file)?;
    measured
}

/// Prints the times of both, interleaved, and the ratio of their medians.
fn measure(file: &Path) -> Result<()> {
    let (mut hashed, mut loaded) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(Sha256::digest(fs::read(file)?));
        hashed.push(start.elapsed().as_secs_f64());

        let start = Instant::now();
        let weights = WeightFile::open(file)?;
        let stack: Stack<B, AnyCell<B>> = Stack::from_pytorch(&weights, "", &Default::default())?;
        black_box(&stack);
        loaded.push(start.elapsed().as_secs_f64());
    }
    let [hashed, loaded] = [hashed, loaded].map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        1e3 * seconds[ROUNDS / 2]
    });
    let megabytes = fs::metadata(file)?.len() as f64 / 1e6;
    let (file, ratio) = (file.display(), loaded / hashed);
    println!(
        "{file}: {megabytes:.0} MB, read and hashed in {hashed:.0} ms, loaded in {loaded:.0} ms (×{ratio:.2})"
    );
    Ok(())
}
