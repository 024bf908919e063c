//! Writes a network as an ONNX model.
//!
//! ```text
//! x [batch, time, d_input] ─ Transpose ─ LSTM ─ Transpose ─ Reshape ─ … ─ Transpose ─ y [batch, time, d_output]
//! hidden_0, cell_0, … [directions, batch, d_hidden]  in        next_hidden_0, next_cell_0, …  out
//! ```
//!
//! A character model starts with `Gather`, from `tokens` `[batch, time]` (i64), and ends with `MatMul` and
//! `Add`, in `logits` `[batch, time, vocab_size]`. Batch and time are free. The state goes in and comes out, so
//! that a model can run one step at a time.

use burn::{
    module::{Module, ModuleDisplay},
    tensor::{DType, Element, TensorData, backend::Backend},
};
use prost::{Message, bytes::Bytes};

use super::{
    array::Array,
    error::WeightsError,
    layer_weights::{Form, LayerWeights, array},
    onnx::OnnxLayer,
    onnx_proto::{
        Attribute, Dimension, Entry, Graph, Model, Node, OperatorSet, Size, TensorProto,
        TensorShape, TensorType, Type, ValueInfo,
    },
};
use crate::{cell::RecurrentCell, char_lm::CharLm, stack::Stack};

/// The first operator set that has all operators in their present form (2021).
const OPSET: i64 = 14;
const IR_VERSION: i64 = 8;

/// The numbers of ONNX's types and of the kinds of attributes.
const INT64: i32 = 7;
const AN_INT: i32 = 2;
const A_STRING: i32 = 3;
const INTS: i32 = 7;
const STRINGS: i32 = 8;

impl<B: Backend, C: RecurrentCell<B>> Stack<B, C> {
    /// Returns the content of an ONNX model of this stack, without dropout. Its inputs are `x`, `[batch, time,
    /// d_input]`, and the state of each layer, `hidden_0`, `cell_0` and so on, `[directions, batch, d_hidden]`,
    /// zeros at the start; its outputs `y` and the state after the sequence, `next_hidden_0` and so on.
    ///
    /// ```
    /// use burn_ndarray::NdArray;
    /// use models::{Gru, Stack, StackConfig, weights::OnnxFile};
    ///
    /// type B = NdArray<f32>;
    /// let device = Default::default();
    /// let stack: Stack<B, Gru<B>> = StackConfig::new(3, 8).init(Default::default(), &device);
    /// let bytes = stack.to_onnx()?; // std::fs::write("gru.onnx", bytes)
    ///
    /// let file = OnnxFile::from_bytes("memory", bytes)?;
    /// let again: Stack<B, Gru<B>> = Stack::from_onnx(&file, "", &device)?;
    /// assert_eq!(again.layers[0].wx.to_data(), stack.layers[0].wx.to_data());
    /// # Ok::<(), models::weights::WeightsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if ONNX has no operator for a layer.
    pub fn to_onnx(&self) -> Result<Vec<u8>, WeightsError> {
        let layers = self.to_layers()?;
        let d_input = layers.first().map_or(0, |layer| layer[0].d_input());
        let mut writer = Writer::<B::FloatElem>::default();
        writer.input(
            "x",
            element::<B::FloatElem>(),
            &[Free("batch"), Free("time"), Fixed(d_input)],
        );
        let d_output = writer.layers(&layers, "x", "y")?;
        writer.output("y", &[Free("batch"), Free("time"), Fixed(d_output)]);
        Ok(writer.finish("recurrent layers", &[]))
    }
}

impl<B: Backend, C: RecurrentCell<B> + Module<B> + ModuleDisplay> CharLm<B, C> {
    /// Returns the content of an ONNX model of this character model, without dropout. Its inputs are `tokens`,
    /// `[batch, time]` (i64), and the state of each layer as in [`Stack::to_onnx`]; its outputs `logits`,
    /// `[batch, time, vocab_size]`, and the state after the text. `about` are texts for its metadata.
    ///
    /// # Errors
    ///
    /// Returns an error if ONNX has no operator for a layer.
    pub fn to_onnx(&self, about: &[(&str, &str)]) -> Result<Vec<u8>, WeightsError> {
        let layers = self.stack.to_layers()?;
        let head = array(&self.head.weight);
        let vocab_size = head.columns();
        let mut writer = Writer::<B::FloatElem>::default();
        let shape = [Free("batch"), Free("time")];
        writer.input("tokens", INT64, &shape);
        let table = self
            .embedding
            .as_ref()
            .map_or_else(|| identity(vocab_size), |e| array(&e.weight));
        writer.constant("embedding", &table);
        writer.node("Gather", &["embedding", "tokens"], &["embedded"], vec![]);
        writer.layers(&layers, "embedded", "y")?;
        writer.constant("head_weight", &head);
        let bias = self.head.bias.as_ref().map(array);
        writer.constant(
            "head_bias",
            &bias.unwrap_or_else(|| Array::zeros([vocab_size])),
        );
        writer.node("MatMul", &["y", "head_weight"], &["scores"], vec![]);
        writer.node("Add", &["scores", "head_bias"], &["logits"], vec![]);
        writer.output("logits", &[Free("batch"), Free("time"), Fixed(vocab_size)]);
        Ok(writer.finish("character model", about))
    }
}

/// The size of a dimension.
enum Dim {
    Fixed(usize),
    /// Whatever it is; the same for all of this name.
    Free(&'static str),
}
use Dim::{Fixed, Free};

/// A graph that grows.
#[derive(Default)]
struct Writer<T> {
    graph: Graph,
    precision: std::marker::PhantomData<T>,
}

impl<T: Element> Writer<T> {
    /// Adds the layers, which take `x` and give `y`, both `[batch, time, …]`, and returns the size of their
    /// output.
    fn layers(
        &mut self,
        layers: &[Vec<LayerWeights<T>>],
        x: &str,
        y: &str,
    ) -> Result<usize, WeightsError> {
        let time_major = || vec![ints("perm", &[1, 0, 2])];
        self.node("Transpose", &[x], &["x_0"], time_major());
        let mut d_output = 0;
        for (i, layer) in layers.iter().enumerate() {
            let (from, to) = (format!("x_{i}"), format!("x_{}", i + 1));
            d_output = self.layer(i, layer, &from, &to)?;
        }
        let last = format!("x_{}", layers.len());
        self.node("Transpose", &[&last], &[y], time_major());
        Ok(d_output)
    }

    fn layer(
        &mut self,
        i: usize,
        layer: &[LayerWeights<T>],
        x: &str,
        y: &str,
    ) -> Result<usize, WeightsError> {
        let first = layer.first().expect("a direction");
        let (form, directions, h) = (first.form, layer.len(), first.d_hidden());
        let not_portable = |form: Form| {
            WeightsError::NotPortable(format!("layer {i}: ONNX has no operator for {form:?}"))
        };
        let (operator, activations) = match form {
            Form::TanhRnn | Form::ReluRnn => (
                "RNN",
                layer.iter().map(|one| activation(one.form)).collect(),
            ),
            Form::Lstm | Form::PeepholeLstm | Form::ProjectedLstm => ("LSTM", Vec::new()),
            Form::Gru | Form::OriginalGru => ("GRU", Vec::new()),
        };
        let is_other = |one: &&LayerWeights<T>| match operator {
            "RNN" => ![Form::TanhRnn, Form::ReluRnn].contains(&one.form),
            _ => one.form != form,
        };
        if let Some(other) = layer.iter().find(is_other) {
            return Err(not_portable(other.form));
        }
        // An operator has biases in all directions or in none.
        let has_bias = layer.iter().any(|one| one.b.is_some());
        let theirs = layer.iter().map(|one| match has_bias {
            true => one.clone().with_biases().to_onnx(),
            false => one.to_onnx(),
        });
        let theirs: Option<Vec<OnnxLayer<T>>> = theirs.collect();
        let theirs = theirs.ok_or_else(|| not_portable(form))?;
        let has_cell = operator == "LSTM";
        let name = |what: &str| format!("{what}_{i}");

        let stacked = |of: fn(&OnnxLayer<T>) -> Option<&Array<T>>| -> Option<Array<T>> {
            let parts: Option<Vec<&Array<T>>> = theirs.iter().map(of).collect();
            let parts = parts?;
            let shape = [directions]
                .into_iter()
                .chain(parts[0].shape.iter().copied());
            Some(Array::new(
                shape.collect::<Vec<_>>(),
                Array::joined(&parts).values,
            ))
        };
        let mut inputs = vec![x.to_owned()];
        for (what, array) in [
            ("W", stacked(|layer| Some(&layer.w))),
            ("R", stacked(|layer| Some(&layer.r))),
            ("B", stacked(|layer| layer.b.as_ref())),
        ] {
            inputs.push(self.optional(&name(what), array));
        }
        inputs.push(String::new()); // sequence_lens
        let state = [Fixed(directions), Free("batch"), Fixed(h)];
        let mut outputs = vec![name("all")];
        for what in ["hidden", "cell"]
            .into_iter()
            .take(if has_cell { 2 } else { 1 })
        {
            self.input(&name(what), element::<T>(), &state);
            inputs.push(name(what));
            outputs.push(format!("next_{}", name(what)));
            self.output(&format!("next_{}", name(what)), &state);
        }
        if let Some(p) = stacked(|layer| layer.p.as_ref()) {
            inputs.push(self.optional(&name("P"), Some(p)));
        }

        let mut attributes = vec![int("hidden_size", h as i64)];
        if directions == 2 {
            attributes.push(Attribute {
                name: "direction".into(),
                s: Bytes::from_static(b"bidirectional"),
                kind: A_STRING,
                ..Default::default()
            });
        }
        if form == Form::Gru {
            attributes.push(int("linear_before_reset", 1));
        }
        if !activations.is_empty() {
            attributes.push(Attribute {
                name: "activations".into(),
                strings: activations,
                kind: STRINGS,
                ..Default::default()
            });
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        self.node(operator, &inputs, &outputs, attributes);

        // [time, directions, batch, d_hidden] → [time, batch, directions·d_hidden]
        let (all, side_by_side, shape) = (name("all"), name("side_by_side"), name("shape"));
        self.node(
            "Transpose",
            &[&all],
            &[&side_by_side],
            vec![ints("perm", &[0, 2, 1, 3])],
        );
        self.sizes(&shape, &[0, 0, (directions * h) as i64]);
        self.node("Reshape", &[&side_by_side, &shape], &[y], vec![]);
        Ok(directions * h)
    }

    fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attribute: Vec<Attribute>,
    ) {
        let texts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.graph.node.push(Node {
            input: texts(inputs),
            output: texts(outputs),
            name: format!("{operator}_{}", outputs[0]),
            op_type: operator.into(),
            attribute,
            ..Default::default()
        });
    }

    fn constant(&mut self, name: &str, array: &Array<T>) {
        let data = TensorData::new(array.values.clone(), array.shape.clone());
        self.graph.initializer.push(TensorProto {
            dims: array.shape.iter().map(|&size| size as i64).collect(),
            data_type: element::<T>(),
            name: name.into(),
            raw_data: Bytes::copy_from_slice(data.as_bytes()),
            ..Default::default()
        });
    }

    /// Adds a constant and returns its name, which is empty if there is none.
    fn optional(&mut self, name: &str, array: Option<Array<T>>) -> String {
        let Some(array) = array else {
            return String::new();
        };
        self.constant(name, &array);
        name.to_owned()
    }

    fn sizes(&mut self, name: &str, values: &[i64]) {
        self.graph.initializer.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: INT64,
            name: name.into(),
            int64_data: values.to_vec(),
            ..Default::default()
        });
    }

    fn input(&mut self, name: &str, element: i32, shape: &[Dim]) {
        self.graph.input.push(value(name, element, shape));
    }

    fn output(&mut self, name: &str, shape: &[Dim]) {
        self.graph.output.push(value(name, element::<T>(), shape));
    }

    fn finish(mut self, name: &str, about: &[(&str, &str)]) -> Vec<u8> {
        // What the model is for comes first.
        let is_state = |value: &ValueInfo| value.name.starts_with("next_");
        self.graph.output.sort_by_key(is_state);
        self.graph.name = name.into();
        let entry = |&(key, value): &(&str, &str)| Entry {
            key: key.into(),
            value: value.into(),
        };
        let model = Model {
            ir_version: IR_VERSION,
            producer_name: "models".into(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSet {
                domain: String::new(),
                version: OPSET,
            }],
            metadata: about.iter().map(entry).collect(),
        };
        model.encode_to_vec()
    }
}

/// Returns the activation of a plain layer by ONNX's name.
fn activation(form: Form) -> Bytes {
    match form {
        Form::ReluRnn => Bytes::from_static(b"Relu"),
        _ => Bytes::from_static(b"Tanh"),
    }
}

/// Returns the number of ONNX's type.
fn element<T: Element>() -> i32 {
    match T::dtype() {
        DType::F16 => 10,
        DType::F64 => 11,
        DType::BF16 => 16,
        _ => 1,
    }
}

fn int(name: &str, value: i64) -> Attribute {
    Attribute {
        name: name.into(),
        i: value,
        kind: AN_INT,
        ..Default::default()
    }
}

fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute {
        name: name.into(),
        ints: values.to_vec(),
        kind: INTS,
        ..Default::default()
    }
}

fn value(name: &str, element: i32, shape: &[Dim]) -> ValueInfo {
    let dimension = |dim: &Dim| Dimension {
        size: Some(match dim {
            Fixed(size) => Size::Number(*size as i64),
            Free(name) => Size::Name((*name).into()),
        }),
    };
    let shape = TensorShape {
        dim: shape.iter().map(dimension).collect(),
    };
    ValueInfo {
        name: name.into(),
        kind: Some(Type {
            tensor: Some(TensorType {
                element,
                shape: Some(shape),
            }),
        }),
    }
}

/// The identity matrix: the vectors that stand for characters without an embedding.
fn identity<T: Element>(n: usize) -> Array<T> {
    let mut identity = Array::zeros([n, n]);
    let diagonal = identity.values.iter_mut().step_by(n + 1);
    diagonal.for_each(|one| *one = T::from_elem(1.0f64));
    identity
}
