//! The messages of ONNX's protobuf format that networks need, with the numbers of their fields
//! (`onnx.proto`, IR version 8). Fields that are not here are skipped.

use prost::{
    Message,
    bytes::Bytes,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};

#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    #[prost(message, repeated, tag = "14")]
    pub metadata: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSet {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub domain: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, tag = "2")]
    pub f: f32,
    #[prost(int64, tag = "3")]
    pub i: i64,
    #[prost(bytes = "bytes", tag = "4")]
    pub s: Bytes,
    #[prost(message, optional, tag = "5")]
    pub t: Option<TensorProto>,
    #[prost(message, optional, boxed, tag = "6")]
    pub g: Option<Box<Graph>>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    #[prost(bytes = "bytes", repeated, tag = "9")]
    pub strings: Vec<Bytes>,
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(float, repeated, tag = "4")]
    pub float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    pub int32_data: Vec<i32>,
    #[prost(int64, repeated, tag = "7")]
    pub int64_data: Vec<i64>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "bytes", tag = "9")]
    pub raw_data: Bytes,
    #[prost(double, repeated, tag = "10")]
    pub double_data: Vec<f64>,
    #[prost(message, repeated, tag = "13")]
    pub external_data: Vec<Entry>,
    #[prost(int32, tag = "14")]
    pub data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Type {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorType {
    #[prost(int32, tag = "1")]
    pub element: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShape {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(oneof = "Size", tags = "1, 2")]
    pub size: Option<Size>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Size {
    #[prost(int64, tag = "1")]
    Number(i64),
    #[prost(string, tag = "2")]
    Name(String),
}

/// Bytes that the messages of a model may take in memory, besides its weights.
const LARGEST: usize = 48 << 20;
/// Bytes that a message or a string takes, however short it is in the file.
const MESSAGE: usize = 160;

/// Reads a model, unless it would take far more memory than its file has bytes.
pub(super) fn read(bytes: Vec<u8>) -> Result<Model, String> {
    let mut cost = 0;
    add_cost(&bytes, MODEL, 0, &mut cost)?;
    Model::decode(Bytes::from(bytes)).map_err(|e| e.to_string())
}

/// What a field takes in memory.
#[derive(Clone, Copy)]
enum Takes {
    /// A message, whose fields are those at this place of [`FIELDS`].
    Message(usize),
    /// Integers, which are shorter in the file, by the bytes that each takes in memory while the list grows.
    Ints(usize),
}

/// The fields that take more memory than bytes in the file, of each message.
const FIELDS: [&[(u32, Takes)]; 6] = [
    &[
        (7, Takes::Message(GRAPH)),
        (8, Takes::Message(OTHER)),
        (14, Takes::Message(OTHER)),
    ],
    &[
        (1, Takes::Message(NODE)),
        (5, Takes::Message(TENSOR)),
        (11, Takes::Message(OTHER)),
        (12, Takes::Message(OTHER)),
    ],
    &[
        (1, Takes::Message(OTHER)),
        (2, Takes::Message(OTHER)),
        (5, Takes::Message(ATTRIBUTE)),
    ],
    &[
        (5, Takes::Message(TENSOR)),
        (6, Takes::Message(GRAPH)),
        (8, Takes::Ints(16)),
        (9, Takes::Message(OTHER)),
    ],
    &[
        (1, Takes::Ints(16)),
        (5, Takes::Ints(8)),
        (7, Takes::Ints(16)),
        (13, Takes::Message(OTHER)),
    ],
    // What describes inputs and outputs; its own messages are all of the same kind.
    &[(1, Takes::Message(OTHER)), (2, Takes::Message(OTHER))],
];
const MODEL: usize = 0;
const GRAPH: usize = 1;
const NODE: usize = 2;
const ATTRIBUTE: usize = 3;
const TENSOR: usize = 4;
const OTHER: usize = 5;

/// Adds up what a message will take in memory, without taking any.
fn add_cost(
    mut bytes: &[u8],
    message: usize,
    depth: usize,
    cost: &mut usize,
) -> Result<(), String> {
    if depth > 64 {
        return Err("graphs too deep in one another".into());
    }
    while !bytes.is_empty() {
        let (tag, wire) = decode_key(&mut bytes).map_err(|e| e.to_string())?;
        let takes = FIELDS[message].iter().find(|(field, _)| *field == tag);
        match (wire, takes.map(|&(_, takes)| takes)) {
            (WireType::LengthDelimited, Some(takes)) => {
                let length = decode_varint(&mut bytes).map_err(|e| e.to_string())?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let (content, rest) = bytes.split_at_checked(length).ok_or("it is cut off")?;
                match takes {
                    Takes::Ints(each) => *cost += content.len() * each,
                    Takes::Message(OTHER) => {
                        *cost += MESSAGE;
                        // A string looks like anything; what is no message has no costly parts.
                        let _ = add_cost(content, OTHER, depth + 1, cost);
                    }
                    Takes::Message(inner) => {
                        *cost += MESSAGE;
                        add_cost(content, inner, depth + 1, cost)?;
                    }
                }
                bytes = rest;
            }
            (_, takes) => {
                if let Some(Takes::Ints(each)) = takes {
                    *cost += each;
                }
                let context = DecodeContext::default();
                skip_field(wire, tag, &mut bytes, context).map_err(|e| e.to_string())?;
            }
        }
        if *cost > LARGEST {
            return Err("far more parts than a network has".into());
        }
    }
    Ok(())
}
