//! NumPy's `.npz`: a zip archive of `.npy` files, each of which is a header and the numbers.

use super::{
    archive::Archive,
    stored::{Content, Dtype, Stored, row_major},
};

const MAGIC: &[u8] = b"\x93NUMPY";
/// The header of an array with 32 dimensions is shorter.
const LONGEST_HEADER: usize = 1024;

/// Reads the content of a file.
pub(super) fn read(mut archive: Archive) -> Result<Content, String> {
    let mut tensors = std::collections::BTreeMap::new();
    for entry in archive.entries().to_vec() {
        let Some(name) = entry.name.strip_suffix(".npy") else {
            continue;
        };
        let (blob, range) = archive.contents(&entry)?;
        let bytes = &archive.blobs[blob][range.clone()];
        let header =
            header(bytes).ok_or_else(|| format!("{:?} in it: no .npy file", entry.name))?;
        let strides = match header.is_fortran {
            false => row_major(&header.shape),
            true => {
                let reversed: Vec<usize> = header.shape.iter().rev().copied().collect();
                row_major(&reversed).into_iter().rev().collect()
            }
        };
        let start = range.start + header.length;
        let tensor = Stored {
            strides,
            big_endian: header.is_big_endian,
            ..Stored::in_order(header.dtype, header.shape, blob, start..range.end)
        };
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(Content {
        blobs: archive.blobs,
        tensors,
        ..Content::default()
    })
}

struct Header {
    /// Bytes before the numbers.
    length: usize,
    dtype: Dtype,
    is_big_endian: bool,
    is_fortran: bool,
    shape: Vec<usize>,
}

/// Reads the header of a `.npy` file: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. A parser
/// of Python's literals would do more, such as run out of stack on ten thousand brackets.
fn header(bytes: &[u8]) -> Option<Header> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (&[major, _minor], rest) = rest.split_first_chunk()?;
    let (before, length): (usize, usize) = match major {
        1 => (10, usize::from(u16::from_le_bytes(*rest.first_chunk()?))),
        _ => (12, u32::from_le_bytes(*rest.first_chunk()?) as usize),
    };
    let text = bytes.get(before..before + length.min(LONGEST_HEADER + 1))?;
    if length > LONGEST_HEADER {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let value = |key: &str| Some(text.split_once(&format!("'{key}':"))?.1.trim_start());
    let descr = value("descr")?;
    let quoted = descr
        .strip_prefix('\'')
        .and_then(|d| Some(d.split_once('\'')?.0));
    let (order, kind) = quoted.unwrap_or("|V1").split_at_checked(1)?;
    let shape = value("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let sizes = shape
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty());
    Some(Header {
        length: before + length,
        dtype: match kind {
            "f2" => Dtype::F16,
            "f4" => Dtype::F32,
            "f8" => Dtype::F64,
            _ => Dtype::Other("no floating-point numbers"),
        },
        is_big_endian: order == ">",
        is_fortran: value("fortran_order")?.starts_with("True"),
        shape: sizes.map(|size| size.parse().ok()).collect::<Option<_>>()?,
    })
}
