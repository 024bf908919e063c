//! What a file is that is not the text it was taken for.

/// Returns what a file that begins like this is, in words, and how to make a text of it; `None` if it may be
/// text, in UTF-8 or in an encoding that is known.
pub(crate) fn not_text(head: &[u8], has_encoding: bool) -> Option<(&'static str, &'static str)> {
    if !head.contains(&0) && str::from_utf8(head).is_ok() {
        return None;
    }
    if !has_encoding && is_utf16(head) {
        return Some(("UTF-16", "name that encoding: utf-16le or utf-16be"));
    }
    let unpack = "unpack it first";
    let kind = infer::get(head)?;
    Some(match kind.extension() {
        "gz" => ("a gzip file", "let its name end in .gz"),
        "zst" => ("a zstd file", "let its name end in .zst"),
        "zip" => ("a zip archive", unpack),
        "tar" => ("a tar archive", unpack),
        "xz" => ("an xz file", "let its name end in .xz"),
        "bz2" => ("a bzip2 file", "let its name end in .bz2"),
        "7z" => ("a 7z archive", unpack),
        "pdf" => ("a PDF", "extract its text first: pdftotext"),
        "epub" => ("an EPUB book", "convert it to plain text first"),
        "docx" | "doc" | "odt" => ("a word processor's document", "save it as plain text first"),
        "png" | "jpg" => ("a picture", "name a text instead"),
        // Others are told by so few bytes that a damaged text may begin with them.
        _ => return None,
    })
}

/// Without a byte order mark, but mostly Latin letters: then every other byte is zero.
fn is_utf16(head: &[u8]) -> bool {
    let zeros = |first| {
        head.iter()
            .skip(first)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let mostly_zeros = |first| zeros(first) > 2 * head.len() / 5;
    head.len() >= 16 && mostly_zeros(0) != mostly_zeros(1)
}
