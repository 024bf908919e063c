//! PyTorch's `.pt` and `.pth`: a pickle, which says what the tensors are, and their storages. Today they lie in
//! a zip archive; before PyTorch 1.6 they followed one another.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
};

use prost::bytes::Bytes;

use super::{
    archive::Archive,
    pickle::{Id, Pickle, Value},
    stored::{Content, Dtype, Stored},
};

/// The first pickle of a file from before 1.6 is this number.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// How deep dictionaries of tensors may lie in one another.
const DEEPEST: usize = 128;
/// Bytes that all names may have.
const LONGEST_NAMES: usize = 16 << 20;
/// Bytes of one name, of those that make up the name of a tensor.
const LONGEST_KEY: usize = 1 << 10;
/// Dimensions that a tensor may have.
const MOST_DIMENSIONS: usize = 8;

/// A tensor as a pickle describes it.
struct Described {
    /// The key of its storage.
    key: String,
    dtype: Dtype,
    /// Bytes of a number.
    width: usize,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// Reads the content of a file of today.
pub(super) fn read(mut archive: Archive) -> Result<Content, String> {
    let entries = archive.entries().to_vec();
    let ends = |end: &str| {
        entries.iter().find(|entry| {
            entry
                .name
                .strip_suffix(end)
                .is_some_and(|before| before.is_empty() || before.ends_with('/'))
        })
    };
    let pickle = ends("data.pkl").ok_or("an archive of neither PyTorch nor NumPy")?;
    let folder = pickle
        .name
        .strip_suffix("data.pkl")
        .unwrap_or_default()
        .to_owned();
    let (blob, range) = archive.contents(pickle)?;
    let bytes = archive.blobs[blob].slice(range);
    let described = describe(&Pickle::new(&bytes)?)?;
    let big_endian = match entries
        .iter()
        .find(|entry| entry.name == format!("{folder}byteorder"))
    {
        Some(entry) => {
            let (blob, range) = archive.contents(entry)?;
            archive.blobs[blob][range].starts_with(b"big")
        }
        None => false,
    };
    let places: std::collections::HashMap<_, _> = entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry))
        .collect();
    let mut tensors = BTreeMap::new();
    for (name, described) in described {
        let storage = format!("{folder}data/{}", described.key);
        let entry = places.get(storage.as_str());
        let entry = entry.ok_or_else(|| format!("tensor {name}: {storage:?} is not in it"))?;
        let (blob, range) = archive.contents(entry)?;
        tensors.insert(name, described.stored(blob, range, big_endian));
    }
    Ok(Content {
        blobs: archive.blobs,
        tensors,
        ..Content::default()
    })
}

/// Reads the content of a file from before PyTorch 1.6: pickles of a magic number, a version and the machine,
/// that of the tensors, that of the keys of the storages, and each storage after its length.
pub(super) fn read_legacy(bytes: Bytes) -> Result<Content, String> {
    let mut at = 0;
    let mut next = || -> Result<(Pickle, usize), String> {
        let pickle = Pickle::new(&bytes[at..])?;
        let start = at;
        at += pickle.length;
        Ok((pickle, start))
    };
    let (_, start) = next()?;
    if !bytes[start..at_most(start + 32, &bytes)]
        .windows(MAGIC.len())
        .any(|w| w == MAGIC)
    {
        return Err("a pickle, but not one of PyTorch's files".into());
    }
    next()?;
    next()?;
    let (pickle, _) = next()?;
    let described = describe(&pickle)?;
    let (listed, _) = next()?;
    let keys = listed.items(listed.root).ok_or("no list of storages")?;
    let keys = keys
        .iter()
        .map(|&key| listed.str(key).ok_or("a storage without a key"));
    let keys: Vec<&str> = keys.collect::<Result<_, _>>()?;
    let sizes: BTreeMap<&str, usize> = described
        .iter()
        .map(|(_, tensor)| (tensor.key.as_str(), tensor.width))
        .collect();
    let mut places = BTreeMap::new();
    for key in keys {
        let length = bytes.get(at..).and_then(|rest| rest.first_chunk());
        let numbers = i64::from_le_bytes(*length.ok_or("it is cut off")?);
        let size = sizes.get(key);
        let size = *size.ok_or("a storage of no tensor")?;
        let start = at + 8;
        let length = usize::try_from(numbers)
            .ok()
            .and_then(|n| n.checked_mul(size));
        let end = length.and_then(|length| start.checked_add(length));
        at = end
            .filter(|&end| end <= bytes.len())
            .ok_or("it is cut off")?;
        if places.insert(key, start..at).is_some() {
            return Err("a storage that is there twice".into());
        }
    }
    let mut tensors = BTreeMap::new();
    for (name, tensor) in described {
        let range = places.get(tensor.key.as_str()).cloned();
        let range = range.ok_or_else(|| format!("tensor {name}: its storage is not in it"))?;
        tensors.insert(name, tensor.stored(0, range, false));
    }
    Ok(Content {
        blobs: vec![bytes],
        tensors,
        ..Content::default()
    })
}

fn at_most(end: usize, bytes: &[u8]) -> usize {
    end.min(bytes.len())
}

impl Described {
    fn stored(self, blob: usize, bytes: Range<usize>, big_endian: bool) -> Stored {
        Stored {
            strides: self.strides,
            offset: self.offset,
            big_endian,
            ..Stored::in_order(self.dtype, self.shape, blob, bytes)
        }
    }
}

/// Returns the tensors in a pickle, by name.
fn describe(pickle: &Pickle) -> Result<Vec<(String, Described)>, String> {
    let mut walk = Walk {
        pickle,
        tensors: Vec::new(),
        seen: HashSet::new(),
        names: 0,
    };
    walk.visit(pickle.root, 0, &mut Vec::new())?;
    Ok(walk.tensors)
}

struct Walk<'a> {
    pickle: &'a Pickle<'a>,
    tensors: Vec<(String, Described)>,
    /// Dictionaries and objects are entered once, however often they are used.
    seen: HashSet<Id>,
    names: usize,
}

impl<'a> Walk<'a> {
    /// Visits a value that lies so deep in others.
    fn visit(&mut self, id: Id, depth: usize, path: &mut Vec<String>) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("dictionaries more than {DEEPEST} deep"));
        }
        match self.pickle.value(id) {
            Value::Dict(entries) if self.seen.insert(id) => {
                for &(key, value) in entries {
                    let key = match (self.pickle.str(key), self.pickle.int(key)) {
                        (Some(key), _) if key.len() <= LONGEST_KEY => key.to_owned(),
                        (Some(_), _) => return Err("a name that is too long".into()),
                        (None, Some(key)) => key.to_string(),
                        (None, None) => continue,
                    };
                    self.inside(key, value, depth, path)?;
                }
            }
            Value::List(items) | Value::Tuple(items) if self.seen.insert(id) => {
                for (i, &item) in items.iter().enumerate() {
                    self.inside(i.to_string(), item, depth, path)?;
                }
            }
            Value::Object(Some(state)) if self.seen.insert(id) => {
                self.visit(*state, depth + 1, path)?;
            }
            &Value::Call(function, arguments) => {
                if let Some(tensor) = self.call(function, arguments, 0)? {
                    let name = path.join(".");
                    self.names += name.len() + tensor.key.len() + 64;
                    if self.names > LONGEST_NAMES {
                        return Err("names of tensors that are too long".into());
                    }
                    self.tensors.push((name, tensor));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Visits what lies in a dictionary. A whole module, saved without `state_dict()`, has dictionaries of its
    /// own around its modules and parameters, which no name shows.
    fn inside(
        &mut self,
        key: String,
        value: Id,
        depth: usize,
        path: &mut Vec<String>,
    ) -> Result<(), String> {
        if ["_modules", "_parameters", "_buffers"].contains(&key.as_str()) {
            return self.visit(value, depth + 1, path);
        }
        path.push(key);
        self.visit(value, depth + 1, path)?;
        path.pop();
        Ok(())
    }

    /// Returns the tensor that a call makes, which may take another call for an argument; `None` if it makes
    /// something else that is harmless.
    fn call(&self, function: Id, arguments: Id, inner: usize) -> Result<Option<Described>, String> {
        let pickle = self.pickle;
        let (module, name) = pickle.global(function).ok_or("a call of no function")?;
        let arguments = pickle.items(arguments).unwrap_or(&[]);
        if inner > DEEPEST {
            return Err("calls that lie too deep in one another".into());
        }
        let call = |id: &Id| match *pickle.value(*id) {
            Value::Call(function, arguments) => self.call(function, arguments, inner + 1),
            _ => Ok(None),
        };
        match (module, name) {
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => {
                let tensor = self.tensor(arguments);
                Ok(Some(
                    tensor.ok_or("a tensor without storage, shape or strides")?,
                ))
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                arguments.first().map_or(Ok(None), call)
            }
            ("torch._tensor", "_rebuild_from_type_v2") => match arguments {
                [function, _, arguments, ..] => self.call(*function, *arguments, inner + 1),
                _ => Ok(None),
            },
            _ if is_harmless(module, name) => Ok(None),
            _ => Err(format!(
                "it calls {module}.{name}, which is no part of a file of tensors; nothing was executed"
            )),
        }
    }

    /// Returns the tensor of the arguments (storage, offset, shape, strides, …).
    fn tensor(&self, arguments: &[Id]) -> Option<Described> {
        let pickle = self.pickle;
        let &[storage, offset, shape, strides, ..] = arguments else {
            return None;
        };
        let &Value::Persistent(storage) = pickle.value(storage) else {
            return None;
        };
        // ('storage', torch.FloatStorage, key, location, numbers)
        let &[_, kind, key, ..] = pickle.items(storage)? else {
            return None;
        };
        let (_, kind) = pickle.global(kind)?;
        let of_untyped = arguments.get(6).and_then(|&dtype| pickle.global(dtype));
        let sizes = |id| -> Option<Vec<usize>> {
            let sizes = pickle
                .items(id)
                .filter(|sizes| sizes.len() <= MOST_DIMENSIONS)?;
            sizes.iter().map(|&size| pickle.size(size)).collect()
        };
        let (shape, strides) = (sizes(shape)?, sizes(strides)?);
        (shape.len() == strides.len()).then_some(())?;
        // Of storages from before PyTorch 0.4, a part of another one.
        let is_part =
            matches!(pickle.items(storage)?.get(5), Some(&part) if pickle.items(part).is_some());
        (!is_part).then_some(())?;
        let (dtype, width) = match (kind, of_untyped) {
            ("HalfStorage", _) | ("UntypedStorage", Some(("torch", "float16"))) => (Dtype::F16, 2),
            ("BFloat16Storage", _) | ("UntypedStorage", Some(("torch", "bfloat16"))) => {
                (Dtype::Bf16, 2)
            }
            ("FloatStorage", _) | ("UntypedStorage", Some(("torch", "float32"))) => (Dtype::F32, 4),
            ("DoubleStorage", _) | ("UntypedStorage", Some(("torch", "float64"))) => {
                (Dtype::F64, 8)
            }
            ("ComplexDoubleStorage", _) => (Dtype::Other("complex numbers"), 16),
            ("ComplexFloatStorage", _) => (Dtype::Other("complex numbers"), 8),
            ("LongStorage", _) => (Dtype::Other("integers"), 8),
            ("IntStorage", _) => (Dtype::Other("integers"), 4),
            ("ShortStorage", _) => (Dtype::Other("integers"), 2),
            _ => (Dtype::Other("no floating-point numbers"), 1),
        };
        Some(Described {
            key: pickle.str(key)?.to_owned(),
            dtype,
            width,
            offset: pickle.size(offset)?,
            shape,
            strides,
        })
    }
}

/// Returns whether a function only makes a value, as those do that settings beside the tensors need.
fn is_harmless(module: &str, name: &str) -> bool {
    match module.split('.').next() {
        Some("numpy" | "pathlib" | "datetime" | "decimal" | "fractions" | "uuid") => true,
        Some("torch") => {
            ["Size", "device", "dtype", "Generator"].contains(&name) || module == "torch._utils"
        }
        Some("collections") => true,
        Some("builtins" | "__builtin__") => [
            "set",
            "frozenset",
            "list",
            "dict",
            "tuple",
            "bytearray",
            "complex",
            "slice",
            "range",
        ]
        .contains(&name),
        Some("copy_reg" | "copyreg") => name == "_reconstructor",
        Some("_codecs") => name == "encode",
        Some("argparse") => name == "Namespace",
        _ => false,
    }
}
