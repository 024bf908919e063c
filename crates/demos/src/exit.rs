//! How a program ends: each error is one line, and what kind it was is the exit code.

use std::{
    error::Error,
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;

use crate::{hints, ranks::launcher};

/// What the person asked for cannot be done as asked: exit code 2. Any other error has exit code 1.
#[derive(Debug)]
pub struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for UsageError {}

/// A signal of this number stopped the program, which has said so: exit code 128 + the number.
#[derive(Debug)]
pub struct Signalled(pub u8);

impl fmt::Display for Signalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped by signal {}", self.0)
    }
}

impl Error for Signalled {}

/// Returns the outcome of writing to standard output, where a reader who has gone is no problem.
///
/// # Errors
///
/// Returns an error if the text could not be written for another reason.
pub fn unless_nobody_reads(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output")
        }
        _ => Ok(()),
    }
}

/// Prints the error, if there is one, and gives the exit code for it.
pub fn report(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if let Some(Signalled(number)) = error.downcast_ref() {
        return ExitCode::from(128 + number);
    }
    let (line, code) = line_and_code(&error);
    complain(&format!("error: {line}"));
    ExitCode::from(code)
}

/// Returns an error as one line, and its exit code.
pub fn line_and_code(error: &anyhow::Error) -> (String, u8) {
    let mut causes = error.chain().map(with_flags);
    let mut line = causes.next().expect("an error is its own first cause");
    for cause in causes {
        // Some name their cause themselves.
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    let asked = error.is::<UsageError>()
        || matches!(
            error.downcast_ref(),
            Some(
                train::Error::Setting { .. }
                    | train::Error::NoValidation { .. }
                    | train::Error::Fixed { .. }
                    | train::Error::FewRows { .. }
                    | train::Error::OtherFiles { .. }
                    | train::Error::PrimeNotUtf8 { .. }
                    | train::Error::UnknownSymbol { .. }
            )
        );
    (without_controls(&line), if asked { 2 } else { 1 })
}

/// Returns the text of an error. `train` names settings; here they become flags, and the flags that mend
/// the problem follow in parentheses, or a hint after a semicolon.
pub fn with_flags(error: &(dyn Error + 'static)) -> String {
    let told = error.to_string();
    let Some(error) = error.downcast_ref() else {
        return told;
    };
    match error {
        train::Error::Setting { setting, .. }
        | train::Error::NoValidation { setting, .. }
        | train::Error::Fixed { setting, .. } => {
            let rest = told.strip_prefix(setting).unwrap_or(&told);
            let flag = setting.replace('_', "-");
            format!("--{flag}{rest}{}", mended_by(error))
        }
        train::Error::FewRows { .. } => told.replace("batch_size", "--batch-size"),
        _ => told + &mended_by(error),
    }
}

/// Returns the flags that mend a problem, in parentheses, or a hint.
fn mended_by(error: &train::Error) -> String {
    use train::Error;
    let flags = match error {
        Error::Occupied { .. } => " (--out)",
        Error::NotUtf8 { .. } => " (--encoding, --units bytes)",
        Error::NotText { kind: "UTF-16", .. } => " (--encoding, --units bytes)",
        Error::NotText { .. } => " (--units bytes)",
        Error::TooShort {
            that_fit: Some((batch_size, seq_length)),
            ..
        } => return format!(" (--batch-size {batch_size} --seq-length {seq_length})"),
        Error::FewDocuments { .. } => " (--documents, --val-frac)",
        Error::PrimeNotUtf8 { .. } => " (--prime-file)",
        Error::UnknownSymbol { .. } => " (--prime-text, --unknown skip)",
        Error::NoValidation { .. } => " (--val-frac above 0)",
        Error::Diverged {
            resumable: Some(_), ..
        } => " (--resume, --learning-rate, --grad-clip)",
        Error::Diverged {
            resumable: None, ..
        } => " (--learning-rate, --grad-clip)",
        Error::OtherText { .. } => " (--data, --val-data, --init-from)",
        Error::File { path, source } if source.kind() == io::ErrorKind::NotFound => {
            return hints::for_missing(path).map_or(String::new(), |hint| format!("; {hint}"));
        }
        Error::NotARun { path, .. } => {
            return hints::for_no_run(path).map_or(String::new(), |hint| format!("; {hint}"));
        }
        Error::File { .. }
        | Error::Foreign { .. }
        | Error::Changed { .. }
        | Error::Archive { .. }
        | Error::TemporaryFile { .. }
        | Error::Empty { .. }
        | Error::OneSymbol { .. }
        | Error::Record { .. }
        | Error::Setting { .. }
        | Error::Locked { .. }
        | Error::FewRows { .. }
        | Error::OtherWeights { .. }
        | Error::OtherFiles { .. }
        | Error::NoCheckpoint { .. }
        | Error::OtherCheckpoints { .. }
        | Error::NewerFormat { .. }
        | Error::Fixed { .. }
        | Error::UnknownSymbols { .. }
        | Error::NoCharacters { .. }
        | Error::NothingToPredict { .. }
        | Error::Imported(_)
        | Error::TooShort { that_fit: None, .. } => "",
    };
    flags.to_owned()
}

/// Returns a line that a terminal shows as it is: a file's name may have control characters.
fn without_controls(line: &str) -> String {
    let line = line.replace('\n', " ");
    let symbols = line.chars().map(|symbol| match symbol.is_control() {
        true => symbol.escape_default().to_string(),
        false => symbol.to_string(),
    });
    symbols.collect()
}

/// Writes a line to standard error; of several ranks, only the first does. Nobody may be there to read it.
pub fn complain(line: &str) {
    if launcher::is_first() {
        complain_on_any_rank(line);
    }
}

/// Writes a line to standard error.
pub fn complain_on_any_rank(line: &str) {
    // In one piece, so that lines of several ranks do not mix.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}
