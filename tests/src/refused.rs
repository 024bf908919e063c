//! What a program hears that breaks a contract.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Returns the message of the panic in which `f` ends.
///
/// # Panics
///
/// Panics if it does not.
pub fn panic_message<R>(f: impl FnOnce() -> R) -> String {
    let result = catch_unwind(AssertUnwindSafe(|| drop(f())));
    let panic = result.expect_err("refused");
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().expect("a message")).to_owned(),
    }
}
