//! The limit on open files.

/// Raises the limit on open files as far as the system allows: a text keeps each of its large files
/// open, and the usual limit is 1,024.
pub fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // If this fails, the error comes from the first file that cannot be opened.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
