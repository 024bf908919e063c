//! Files of named tensors: safetensors, PyTorch's `.pt` and `.pth`, NumPy's `.npz`.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use burn::tensor::Element;
use prost::bytes::Bytes;

use super::{
    archive::Archive,
    array::Array,
    bytes::read_bytes,
    error::WeightsError,
    npz, pytorch_file, safetensors_file,
    stored::{Content, Stored, count},
};

/// A file of named tensors, in memory. Which of the formats it has is seen from its content.
///
/// | format | written by |
/// |---|---|
/// | safetensors | `safetensors.torch.save_file`, [`to_safetensors`](super::to_safetensors()) |
/// | PyTorch's `.pt`, `.pth`, of today and from before 1.6 | `torch.save` of a state dict, or of a checkpoint with one |
/// | `.npz` | `numpy.savez`, `numpy.savez_compressed` |
///
/// The tensors in a checkpoint's inner dictionaries are named by the path to them,
/// `state_dict.rnn.weight_ih_l0`. They are found by the end of their names too, as long as only one has it:
/// `rnn.weight_ih_l0`.
///
/// ```no_run
/// use burn_ndarray::NdArray;
/// use models::{Lstm, Stack, weights::WeightFile};
///
/// type B = NdArray<f32>;
/// let file = WeightFile::open("model.pt")?;
/// let stack: Stack<B, Lstm<B>> = Stack::from_pytorch(&file, "encoder.rnn.", &Default::default())?;
/// # Ok::<(), models::weights::WeightsError>(())
/// ```
///
/// No file is trusted: nothing in it is executed, and reading one ends in a value or an error, in memory that
/// the size of the file bounds.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    pub(super) content: Content,
}

impl WeightFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is none of the formats, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref();
        Self::from_bytes(path, read_bytes(path)?)
    }

    /// Reads the content of a file. Messages name `path`.
    ///
    /// # Errors
    ///
    /// Returns an error if it is none of the formats, or is damaged.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self, WeightsError> {
        let (path, bytes) = (path.into(), Bytes::from(bytes));
        let content = match &bytes[..] {
            [_, _, _, _, _, _, _, 0, b'{', ..] => safetensors_file::read(bytes),
            [b'P', b'K', ..] => Archive::new(bytes).and_then(|archive| {
                let mut names = archive.entries().iter().map(|entry| &entry.name);
                match names.any(|name| name.ends_with(".npy")) {
                    true => npz::read(archive),
                    false => pytorch_file::read(archive),
                }
            }),
            [0x80, ..] => pytorch_file::read_legacy(bytes),
            _ => Err("neither safetensors nor PyTorch's .pt nor .npz".into()),
        };
        let content = content.map_err(|problem| WeightsError::damaged(&path, problem))?;
        let file = WeightFile { path, content };
        for (name, tensor) in &file.content.tensors {
            file.check(name, tensor)?;
        }
        Ok(file)
    }

    /// Returns the path that messages name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a text in the header of a safetensors file.
    pub fn about(&self, key: &str) -> Option<&str> {
        Some(self.content.about.get(key)?)
    }

    /// Returns the names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.content.tensors.keys().map(String::as_str)
    }

    /// Returns how many bytes the tensors lie in.
    pub(super) fn bytes(&self) -> usize {
        self.content.blobs.iter().map(Bytes::len).sum()
    }

    /// Returns whether the tensor of exactly this name holds numbers that can be weights.
    pub(super) fn has_floats(&self, name: &str) -> bool {
        let tensor = self.content.tensors.get(name);
        tensor.is_some_and(|tensor| tensor.dtype.size().is_some())
    }

    /// Returns the shape of the tensor of exactly this name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.content.tensors.get(name)?.shape)
    }

    /// Returns the full name of a tensor: `name` itself, or the only one that ends in `.name` or `/name`.
    ///
    /// # Errors
    ///
    /// Returns an error if there is none, or several.
    pub fn find(&self, name: &str) -> Result<&str, WeightsError> {
        if let Some((name, _)) = self.content.tensors.get_key_value(name) {
            return Ok(name);
        }
        let ends = |full: &&str| {
            let before = full.strip_suffix(name);
            before.is_some_and(|before| before.ends_with(['.', '/']) || name.is_empty())
        };
        match &self.names().filter(ends).collect::<Vec<_>>()[..] {
            [only] => Ok(only),
            [] => Err(WeightsError::Missing {
                what: "tensor",
                name: name.into(),
                hint: self.names().map(str::to_owned).collect(),
            }),
            several => Err(WeightsError::Ambiguous {
                name: name.into(),
                candidates: several.iter().map(|name| (*name).to_owned()).collect(),
            }),
        }
    }

    /// Returns the numbers of the tensor that [`find`](Self::find) finds, converted to `T` from f16, bf16, f32
    /// or f64.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such tensor, or more than one, or if it holds integers.
    pub fn read<T: Element>(&self, name: &str) -> Result<Array<T>, WeightsError> {
        self.read_exact(self.find(name)?)
    }

    /// Returns the numbers of the tensor of exactly this name.
    pub(super) fn read_exact<T: Element>(&self, name: &str) -> Result<Array<T>, WeightsError> {
        let tensor = self.content.tensors.get(name);
        let tensor = tensor.ok_or_else(|| WeightsError::missing(name))?;
        let storage = &self.content.blobs[tensor.blob][tensor.bytes.clone()];
        let values = tensor.dtype.read(storage, tensor);
        let values = values.ok_or_else(|| WeightsError::WrongType {
            name: name.into(),
            found: tensor.dtype.to_string(),
        })?;
        Ok(Array::new(tensor.shape.clone(), values))
    }

    /// Returns the numbers of the tensor of exactly this name, if there is one.
    pub(super) fn read_if_there<T: Element>(
        &self,
        name: &str,
    ) -> Result<Option<Array<T>>, WeightsError> {
        let is_there = self.content.tensors.contains_key(name);
        is_there.then(|| self.read_exact(name)).transpose()
    }

    /// Checks that a tensor lies within its storage, and has no more numbers than that.
    fn check(&self, name: &str, tensor: &Stored) -> Result<(), WeightsError> {
        let damaged = |problem: String| {
            WeightsError::damaged(&self.path, format!("tensor {name}: {problem}"))
        };
        let blob = self.content.blobs[tensor.blob].len();
        let Range { start, end } = tensor.bytes;
        if start > end || end > blob {
            return Err(damaged(format!("bytes {start} to {end} of {blob}")));
        }
        let Some(n) = count(&tensor.shape) else {
            return Err(damaged(format!("of shape {:?}", tensor.shape)));
        };
        let Some(size) = tensor.dtype.size() else {
            return Ok(());
        };
        let has = (end - start) / size;
        let mut sizes = tensor.shape.iter().zip(&tensor.strides);
        let last = sizes.try_fold(tensor.offset, |last, (&size, &stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        });
        match (n, last) {
            (0, _) => Ok(()),
            (n, Some(last)) if last < has && n <= has => Ok(()),
            _ => Err(damaged(format!(
                "of shape {:?}, but its storage has {has} numbers",
                tensor.shape
            ))),
        }
    }
}
