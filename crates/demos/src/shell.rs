//! Commands that can be pasted into a shell.

use std::{env, ffi::OsStr, fmt::Write};

/// Returns a word as a shell reads it back, quoted if it must be.
pub fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let text = word.to_str().and_then(|word| shlex::try_quote(word).ok());
    text.map_or_else(|| byte_by_byte(word), |text| text.into_owned())
}

/// A word that is no text, as the quotes of bash and zsh that take any byte.
fn byte_by_byte(word: &OsStr) -> String {
    let mut quoted = "$'".to_owned();
    for byte in word.as_encoded_bytes() {
        write!(quoted, "\\x{byte:02x}").expect("a string takes all");
    }
    quoted + "'"
}

/// Returns the command that started this program: through Cargo, with the same features, or as it was called.
pub fn program(name: &str) -> String {
    let by_cargo = env::var_os("CARGO").is_some();
    match env::args_os().next() {
        Some(path) if !by_cargo => quoted(path),
        _ => {
            let features = [
                (cfg!(feature = "cuda"), "cuda"),
                (cfg!(feature = "flex"), "flex"),
                (cfg!(feature = "mpi"), "mpi"),
                (cfg!(feature = "wgpu"), "wgpu"),
            ];
            let features = features.into_iter().filter(|(is_on, _)| *is_on);
            let features: Vec<_> = features.map(|(_, name)| name).collect();
            match &features[..] {
                [] => format!("cargo run -p demos --bin {name} --"),
                on => format!(
                    "cargo run -p demos --features {} --bin {name} --",
                    on.join(",")
                ),
            }
        }
    }
}
