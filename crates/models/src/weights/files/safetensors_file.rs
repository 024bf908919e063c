//! Safetensors: a header in JSON, then the numbers of all tensors.

use prost::bytes::Bytes;
use safetensors::{Dtype as TheirDtype, SafeTensors};

use super::stored::{Content, Dtype, Stored};

/// A header takes up to twelve times its size in memory while it is read.
const LARGEST_HEADER: u64 = 4 << 20;

/// Reads the content of a file.
pub(super) fn read(bytes: Bytes) -> Result<Content, String> {
    let length = bytes.first_chunk().map_or(0, |&n| u64::from_le_bytes(n));
    if length > LARGEST_HEADER {
        return Err(format!(
            "a header of {length} bytes; that of a model has at most {LARGEST_HEADER}"
        ));
    }
    let (header, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| e.to_string())?;
    let start = header + 8;
    let tensors = metadata.tensors().into_iter().map(|(name, info)| {
        let (from, to) = info.data_offsets;
        let range = start + from..start + to;
        let tensor = Stored::in_order(dtype(info.dtype), info.shape.clone(), 0, range);
        (name, tensor)
    });
    let tensors = tensors.collect();
    let about = metadata.metadata().clone().unwrap_or_default();
    Ok(Content {
        blobs: vec![bytes],
        tensors,
        about,
    })
}

fn dtype(dtype: TheirDtype) -> Dtype {
    match dtype {
        TheirDtype::F16 => Dtype::F16,
        TheirDtype::BF16 => Dtype::Bf16,
        TheirDtype::F32 => Dtype::F32,
        TheirDtype::F64 => Dtype::F64,
        TheirDtype::BOOL => Dtype::Other("booleans"),
        _ => Dtype::Other("integers, or numbers shorter than 16 bits"),
    }
}
