//! Line ends of any system.

use std::borrow::Cow;

use memchr::memchr;

/// Turns `\r\n` (Windows) and `\r` (old Macs) into `\n`, in a text that comes in parts.
#[derive(Default)]
pub(crate) struct LineEnds {
    /// Whether there was any `\r` so far.
    pub has_changed: bool,
    /// Whether the last part ended in `\r`: a `\n` that follows belongs to it.
    after_return: bool,
}

impl LineEnds {
    /// Returns the next part with line feeds only.
    pub fn unify<'a>(&mut self, text: Cow<'a, str>) -> Cow<'a, str> {
        let is_plain = !self.after_return && memchr(b'\r', text.as_bytes()).is_none();
        if is_plain || text.is_empty() {
            return text;
        }
        self.has_changed = true;
        let mut unified = String::with_capacity(text.len());
        let mut rest = &text[..];
        if self.after_return {
            rest = rest.strip_prefix('\n').unwrap_or(rest);
        }
        while let Some(line) = memchr(b'\r', rest.as_bytes()) {
            unified.push_str(&rest[..line]);
            unified.push('\n');
            rest = &rest[line + 1..];
            rest = rest.strip_prefix('\n').unwrap_or(rest);
        }
        unified.push_str(rest);
        self.after_return = text.ends_with('\r');
        unified.into()
    }
}
