//! Tensors as they lie in a file: their types, shapes and strides.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::Range,
};

use burn::tensor::{Element, bf16, f16};
use prost::bytes::Bytes;

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Bytes that tensors lie in: the file, and what had to be decompressed.
    pub blobs: Vec<Bytes>,
    pub tensors: BTreeMap<String, Stored>,
    /// Texts in the header of a safetensors file.
    pub about: HashMap<String, String>,
}

/// A tensor in a file.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// How many numbers further the next one in each dimension lies.
    pub strides: Vec<usize>,
    /// Which of the blobs it lies in.
    pub blob: usize,
    /// The place of its storage, in bytes.
    pub bytes: Range<usize>,
    /// How many numbers of the storage come before it.
    pub offset: usize,
    pub big_endian: bool,
}

impl Stored {
    /// A tensor whose numbers lie one after another.
    pub fn in_order(dtype: Dtype, shape: Vec<usize>, blob: usize, bytes: Range<usize>) -> Self {
        let strides = row_major(&shape);
        Stored {
            dtype,
            shape,
            strides,
            blob,
            bytes,
            offset: 0,
            big_endian: false,
        }
    }
}

/// Returns how many numbers a tensor of this shape has, or `None` if a sum or product of its sizes could
/// overflow later, as even those of an empty tensor may.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    let mut sizes = shape.iter().map(|&size| size.max(1));
    let bytes = sizes.try_fold(8usize, |n, size| n.checked_mul(size))?;
    isize::try_from(bytes).ok()?;
    Some(shape.iter().product())
}

/// Returns the strides of numbers in row-major order.
pub(super) fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i].saturating_mul(shape[i]);
    }
    strides
}

/// The type of a tensor's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dtype {
    F16,
    Bf16,
    F32,
    F64,
    /// Integers, booleans, complex numbers: no weights.
    Other(&'static str),
}

impl Dtype {
    /// Returns how many bytes a number takes, if it can be a weight.
    pub fn size(self) -> Option<usize> {
        match self {
            Dtype::F16 | Dtype::Bf16 => Some(2),
            Dtype::F32 => Some(4),
            Dtype::F64 => Some(8),
            Dtype::Other(_) => None,
        }
    }

    /// Returns the numbers of a tensor, in row-major order, or `None` if they are no weights.
    pub fn read<T: Element>(self, storage: &[u8], tensor: &Stored) -> Option<Vec<T>> {
        let big = tensor.big_endian;
        Some(match self {
            Dtype::F16 => gather(storage, tensor, |b| {
                T::from_elem(f16::from_bits(u16::from_ne_bytes(native(b, big))))
            }),
            Dtype::Bf16 => gather(storage, tensor, |b| {
                T::from_elem(bf16::from_bits(u16::from_ne_bytes(native(b, big))))
            }),
            Dtype::F32 => gather(storage, tensor, |b| {
                T::from_elem(f32::from_ne_bytes(native(b, big)))
            }),
            Dtype::F64 => gather(storage, tensor, |b| {
                T::from_elem(f64::from_ne_bytes(native(b, big)))
            }),
            Dtype::Other(_) => return None,
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::F16 => "f16",
            Dtype::Bf16 => "bf16",
            Dtype::F32 => "f32",
            Dtype::F64 => "f64",
            Dtype::Other(name) => name,
        })
    }
}

fn native<const N: usize>(mut bytes: [u8; N], big_endian: bool) -> [u8; N] {
    if big_endian != cfg!(target_endian = "big") {
        bytes.reverse();
    }
    bytes
}

/// Returns the numbers of a tensor that has been checked.
fn gather<T: Element, const N: usize>(
    storage: &[u8],
    tensor: &Stored,
    number: impl Fn([u8; N]) -> T,
) -> Vec<T> {
    let (numbers, _) = storage.as_chunks::<N>();
    let n = tensor.shape.iter().product();
    if n == 0 {
        return Vec::new();
    }
    if tensor.strides == row_major(&tensor.shape) {
        let numbers = &numbers[tensor.offset..][..n];
        return numbers.iter().map(|&bytes| number(bytes)).collect();
    }
    let mut index = vec![0; tensor.shape.len()];
    let next = |_| {
        let steps = index.iter().zip(&tensor.strides);
        let at: usize = steps.map(|(i, stride)| i * stride).sum();
        for (i, &size) in index.iter_mut().zip(&tensor.shape).rev() {
            *i += 1;
            if *i < size {
                break;
            }
            *i = 0;
        }
        number(numbers[tensor.offset + at])
    };
    (0..n).map(next).collect()
}
