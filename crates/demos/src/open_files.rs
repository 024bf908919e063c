//! How many files a program may have open at once.

/// Raises the limit as far as the system lets a program do so itself: a text keeps each of its large
/// files open, and the usual limit is 1,024.
pub fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // If it stays as it was, a file that cannot be opened says so.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
