//! How long the allocator keeps what the program frees.

/// Lets mimalloc keep all memory that the program frees.
///
/// By itself it returns memory to the system after a second. If an update takes longer, the next one gets cleared
/// pages anew, which took a third of the time of an LSTM of three layers of 2048 units on two ranks (measured). As it
/// reads its settings from the environment, before `main`, this starts the program again, as the same process.
#[cfg(unix)]
pub fn keep_freed_memory() {
    use std::{env, os::unix::process::CommandExt, process::Command};

    let setting = "MIMALLOC_PURGE_DELAY";
    let mut args = env::args_os();
    if let (None, Ok(program), Some(name)) = (env::var_os(setting), env::current_exe(), args.next())
    {
        // If that fails, the program is slower.
        let _ = Command::new(program)
            .arg0(name)
            .args(args)
            .env(setting, "-1")
            .exec();
    }
}

/// Elsewhere, a process cannot become another.
#[cfg(not(unix))]
pub fn keep_freed_memory() {}
