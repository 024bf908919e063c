//! Reads a command line as people write them: in other programs' spelling, a flag twice, numbers below zero.

use std::{
    env,
    error::Error,
    ffi::OsString,
    num::{IntErrorKind, ParseFloatError, ParseIntError},
    process::ExitCode,
};

use clap::{
    ArgMatches, Command,
    error::{ContextKind, ErrorKind},
};

use crate::{
    exit::{self, complain},
    ranks::launcher,
};

/// What people write who are used to another program, and what serves them here.
pub type Habits = [(&'static [&'static str], &'static str)];

/// Reads the command line of this process. Help goes out as it is, an error as one line; of several ranks, only the
/// first prints them. If a flag is given twice, the last one wins.
///
/// # Errors
///
/// Returns the exit code if there is nothing left to do.
pub fn parse(command: Command, habits: &Habits) -> Result<ArgMatches, ExitCode> {
    let command = command.args_override_self(true);
    let given = in_our_spelling(env::args_os(), &long_flags(&command));
    let error = match command.try_get_matches_from(given) {
        Ok(matches) => return Ok(matches),
        Err(error) => error,
    };
    if !error.use_stderr() {
        if !launcher::is_first() {
            return Err(ExitCode::SUCCESS);
        }
        let shown = exit::unless_nobody_reads(error.print());
        return Err(exit::report(shown));
    }
    let problem = explain(&error, habits);
    complain(&format!("error: {problem} (--help lists the flags)"));
    Err(ExitCode::from(2))
}

/// Returns the long names of all flags, those of the program's commands included.
fn long_flags(command: &Command) -> Vec<String> {
    let of_commands = command.get_subcommands().flat_map(long_flags);
    let of_all = command.get_arguments().flat_map(|arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        arg.get_long().into_iter().chain(aliases).map(str::to_owned)
    });
    of_all.chain(of_commands).collect()
}

/// Spells flags as they are spelled here: `-rnn_size` and `--rnn_size` as `--rnn-size`; so are `flags` with the long
/// dashes that web pages make of hyphens. A number below zero that follows a flag is its value: `--dropout=-1`.
fn in_our_spelling(given: impl Iterator<Item = OsString>, flags: &[String]) -> Vec<OsString> {
    let mut spelled: Vec<OsString> = Vec::new();
    let mut is_over = false;
    for arg in given {
        is_over |= arg == "--";
        let text = arg.to_str().filter(|_| !is_over);
        if let Some(flag) = text.and_then(|text| with_hyphens(text, flags)) {
            spelled.push(flag.into());
            continue;
        }
        match text.filter(|arg| arg.starts_with('-')) {
            Some(number) if number.parse::<f64>().is_ok() => match spelled.last_mut() {
                Some(flag) if lacks_value(flag) => {
                    flag.push("=");
                    flag.push(number);
                }
                _ => spelled.push(arg),
            },
            Some(flag) => spelled.push(our_flag(flag).into()),
            None => spelled.push(arg),
        }
    }
    spelled
}

/// Returns one of the `flags` that was given with an en dash, an em dash or a minus in place of its hyphens. A value
/// may begin with them, too.
fn with_hyphens(given: &str, flags: &[String]) -> Option<String> {
    let flag = given.trim_start_matches(['–', '—', '−']);
    let spelled = our_flag(&format!("--{flag}"));
    let name = spelled[2..].split('=').next()?;
    let is_flag = flag.len() < given.len() && flags.iter().any(|flag| flag == name);
    is_flag.then_some(spelled)
}

fn lacks_value(arg: &OsString) -> bool {
    let arg = arg.as_encoded_bytes();
    arg.starts_with(b"--") && !arg.contains(&b'=')
}

fn our_flag(given: &str) -> String {
    let flag = given.trim_start_matches('-');
    let (name, value) = match flag.find('=') {
        Some(at) => flag.split_at(at),
        None => (flag, ""),
    };
    let is_name = name.len() > 1 && name.starts_with(char::is_alphabetic);
    match is_name {
        true => format!("--{}{value}", name.replace('_', "-")),
        false => given.to_owned(),
    }
}

/// Says in one line what is wrong with the command line.
fn explain(error: &clap::Error, habits: &Habits) -> String {
    let context = |kind| error.get(kind).map(ToString::to_string);
    let name = context(ContextKind::InvalidArg).or_else(|| context(ContextKind::InvalidSubcommand));
    let name = name.unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => {
            let is_flag = name.starts_with('-');
            let wanted = if is_flag { &name } else { "" };
            let habit = habits.iter().find(|(names, _)| names.contains(&wanted));
            let similar = context(ContextKind::SuggestedArg)
                .or_else(|| context(ContextKind::SuggestedSubcommand));
            let tip = match (habit, similar) {
                (Some((_, ours)), _) if is_flag => format!("; here it is {ours}"),
                (_, Some(similar)) => format!("; did you mean {similar}?"),
                (Some((_, ours)), None) => format!("; {ours}"),
                (None, None) => String::new(),
            };
            format!("{name}: unknown{tip}")
        }
        _ => match number_problem(error) {
            Some(problem) => {
                let flag = name.split(' ').next().unwrap_or_default();
                let value = context(ContextKind::InvalidValue).unwrap_or_default();
                format!("{flag} {value}: {problem}")
            }
            None => in_one_line(error),
        },
    }
}

/// Returns what clap says, without its paragraphs.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim);
    let told =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let told: Vec<&str> = told.filter(|line| !line.is_empty()).collect();
    told.join(" ").trim_start_matches("error: ").to_owned()
}

/// Returns what is wrong with a value that should be a number.
fn number_problem(error: &clap::Error) -> Option<&'static str> {
    let source = error.source()?;
    if source.is::<ParseFloatError>() {
        return Some("must be a number");
    }
    Some(match source.downcast_ref::<ParseIntError>()?.kind() {
        IntErrorKind::PosOverflow => "too large",
        _ => "must be a whole number, not negative",
    })
}
