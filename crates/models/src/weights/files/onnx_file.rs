//! Reads the recurrent layers of an ONNX model.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use burn::tensor::Element;

use super::{
    array::Array,
    bytes::{count_numbers, most_numbers, read_bytes},
    error::WeightsError,
    layer_weights::{Form, LayerWeights, check_chain},
    onnx::OnnxLayer,
    onnx_constants::{Constant, Found, evaluate},
    onnx_proto::{self, Attribute, Graph, Node, TensorProto},
    stored::{Dtype, Stored, count},
};

/// How many steps lead from a recurrent operator back to its weights, or to the operator before it.
const LONGEST_WAY: usize = 64;
/// How many operators on constants are carried out.
const MOST_OPERATORS: usize = 1 << 14;

/// An ONNX model, of which the recurrent operators are read: `LSTM`, `GRU` and `RNN`, in the main graph or in a
/// branch.
///
/// [`Stack::from_onnx`](crate::Stack::from_onnx) makes layers of them. What the model computes beside them is left alone.
#[derive(Debug)]
pub struct OnnxFile {
    path: PathBuf,
    graph: Graph,
    /// Bytes of the file: no constant that is computed may be larger.
    size: usize,
    /// Files beside it that hold weights.
    external: RefCell<HashMap<String, Rc<Vec<u8>>>>,
}

/// A recurrent operator.
struct Operator<'a> {
    node: &'a Node,
    /// The graphs whose values it sees, from the innermost outwards.
    scopes: Vec<Rc<Scope<'a>>>,
}

/// The values of a graph by their names.
struct Scope<'a> {
    constants: HashMap<&'a str, &'a TensorProto>,
    /// What computes them.
    nodes: HashMap<&'a str, &'a Node>,
}

impl<'a> Scope<'a> {
    fn new(graph: &'a Graph) -> Self {
        let constants = graph
            .initializer
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor));
        let nodes = graph.node.iter().flat_map(|node| {
            let outputs = node.output.iter().filter(|output| !output.is_empty());
            outputs.map(move |output| (output.as_str(), node))
        });
        Scope {
            constants: constants.collect(),
            nodes: nodes.collect(),
        }
    }
}

impl OnnxFile {
    /// Reads a model. Weights in files beside it are read when they are needed.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or is no ONNX model.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WeightsError> {
        let path = path.as_ref();
        Self::from_bytes(path, read_bytes(path)?)
    }

    /// Reads the content of a model. Messages name `path`, and weights in other files are sought beside it.
    ///
    /// # Errors
    ///
    /// Returns an error if it is no ONNX model.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self, WeightsError> {
        let (path, size) = (path.into(), bytes.len());
        let model = onnx_proto::read(bytes)
            .map_err(|problem| WeightsError::damaged(&path, format!("no ONNX model: {problem}")))?;
        let graph = model.graph.filter(|graph| !graph.node.is_empty());
        let graph =
            graph.ok_or_else(|| WeightsError::damaged(&path, "an ONNX model without operators"))?;
        Ok(OnnxFile {
            path,
            graph,
            size,
            external: RefCell::default(),
        })
    }

    /// Returns the names of the recurrent operators, in the order of the file. One without a name is named by
    /// its first output.
    pub fn operators(&self) -> Vec<String> {
        let operators = self.recurrent().into_iter();
        operators
            .map(|operator| name(operator.node).to_owned())
            .collect()
    }

    /// Returns the weights of a chain of recurrent operators, from the input upwards, each in one or both
    /// directions. `prefix` is the start of their names; without one, all operators of the model must be one
    /// chain.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such operator, if they are no chain, if one has attributes that our
    /// cells have not, or if its weights are no constants.
    pub fn layers<T: Element>(
        &self,
        prefix: &str,
    ) -> Result<Vec<Vec<LayerWeights<T>>>, WeightsError> {
        let all = self.recurrent();
        let is_below = |name: &str| match name.strip_prefix(prefix) {
            // `/rnn` is no start of `/rnn2/LSTM`.
            Some(rest) => {
                let is_cut = |at: Option<char>| at.is_none_or(|c| !c.is_alphanumeric());
                is_cut(prefix.chars().next_back()) || is_cut(rest.chars().next())
            }
            None => false,
        };
        let of_prefix = all.iter().filter(|one| is_below(name(one.node)));
        let left: Vec<&Operator> = of_prefix.collect();
        if left.is_empty() {
            return Err(self.no_operator(prefix));
        }
        let candidates: Vec<String> = left.iter().map(|one| name(one.node).to_owned()).collect();
        // An operator that reads another's output stands above it.
        let place: HashMap<*const Node, usize> = (0..left.len())
            .map(|i| (std::ptr::from_ref(left[i].node), i))
            .collect();
        let mut above: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
        for (i, operator) in left.iter().enumerate() {
            let below = self
                .source(operator)
                .and_then(|node| place.get(&std::ptr::from_ref(node)));
            above.entry(below.copied()).or_default().push(i);
        }
        let (mut chain, mut top) = (Vec::new(), None);
        while let Some(&[next]) = above.get(&top).map(Vec::as_slice) {
            chain.push(left[next]);
            top = Some(next);
        }
        match chain.len() == left.len() {
            true => self.chain(&chain),
            false => Err(WeightsError::Ambiguous {
                name: format!("the recurrent layers {prefix:?}"),
                candidates,
            }),
        }
    }

    /// Returns the weights of the recurrent operators of these names, from the input upwards.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such operator, if its size is not that of what the one before it gives,
    /// if one has attributes that our cells have not, or if its weights are no constants.
    pub fn layers_named<T: Element>(
        &self,
        names: &[&str],
    ) -> Result<Vec<Vec<LayerWeights<T>>>, WeightsError> {
        let all = self.recurrent();
        let of_name = |wanted: &&str| {
            let of_name: Vec<&Operator> =
                all.iter().filter(|one| name(one.node) == *wanted).collect();
            match of_name[..] {
                [only] => Ok(only),
                [] => Err(self.no_operator(wanted)),
                _ => Err(WeightsError::Ambiguous {
                    name: (*wanted).into(),
                    candidates: vec!["several operators of this name".into()],
                }),
            }
        };
        self.chain(&names.iter().map(of_name).collect::<Result<Vec<_>, _>>()?)
    }

    fn no_operator(&self, wanted: &str) -> WeightsError {
        WeightsError::Missing {
            what: "recurrent operator",
            name: wanted.into(),
            hint: self.operators(),
        }
    }

    fn chain<T: Element>(
        &self,
        chain: &[&Operator],
    ) -> Result<Vec<Vec<LayerWeights<T>>>, WeightsError> {
        let steps = Cell::new(MOST_OPERATORS);
        let (mut layers, mut numbers): (Vec<Vec<LayerWeights<T>>>, usize) = (Vec::new(), 0);
        for operator in chain {
            let layer = self.layer(operator, &steps);
            let layer = layer
                .map_err(|error| error.within(|what| format!("{}: {what}", name(operator.node))))?;
            count_numbers(&layer, &mut numbers, self.bytes(), &self.path)?;
            layers.push(layer);
        }
        check_chain(&layers)?;
        Ok(layers)
    }

    /// Returns how many bytes the model and the files beside it have that were read.
    fn bytes(&self) -> usize {
        let external = self.external.borrow();
        self.size + external.values().map(|file| file.len()).sum::<usize>()
    }

    /// Returns all recurrent operators, those in branches too.
    fn recurrent(&self) -> Vec<Operator<'_>> {
        fn add<'a>(graph: &'a Graph, outer: &[Rc<Scope<'a>>], to: &mut Vec<Operator<'a>>) {
            let scopes = [Rc::new(Scope::new(graph))].into_iter();
            let scopes: Vec<Rc<Scope>> = scopes.chain(outer.iter().cloned()).collect();
            for node in &graph.node {
                let is_onnx = ["", "ai.onnx"].contains(&node.domain.as_str());
                if is_onnx && ["LSTM", "GRU", "RNN"].contains(&node.op_type.as_str()) {
                    to.push(Operator {
                        node,
                        scopes: scopes.clone(),
                    });
                }
                for branch in node.attribute.iter().filter_map(|a| a.g.as_deref()) {
                    add(branch, &scopes, to);
                }
            }
        }
        let mut operators = Vec::new();
        add(&self.graph, &[], &mut operators);
        operators
    }

    fn layer<T: Element>(
        &self,
        operator: &Operator,
        steps: &Cell<usize>,
    ) -> Result<Vec<LayerWeights<T>>, WeightsError> {
        let node = operator.node;
        let directions = match text(node, "direction").as_deref() {
            None | Some("forward") => 1,
            Some("bidirectional") => 2,
            Some(other) => {
                return Err(WeightsError::NotPortable(format!(
                    "direction {other:?}: a layer of ours reads forwards or in both directions"
                )));
            }
        };
        let input = |i: usize| node.input.get(i).filter(|name| !name.is_empty());
        let constant = |i: usize| -> Result<Option<Array<T>>, WeightsError> {
            let Some(name) = input(i) else {
                return Ok(None);
            };
            let look_up = |name: &str| self.look_up(&operator.scopes, name);
            let largest = most_numbers(self.bytes());
            match evaluate(name, &look_up, largest, steps, LONGEST_WAY)? {
                Constant::Floats(array) => Ok(Some(array)),
                Constant::Ints(_) => Err(WeightsError::WrongType {
                    name: name.clone(),
                    found: "integers".into(),
                }),
            }
        };
        let needed = |i: usize, what: &str| constant(i)?.ok_or_else(|| WeightsError::missing(what));
        let (w, r, b) = (needed(1, "W")?, needed(2, "R")?, constant(3)?);
        let p = if node.op_type == "LSTM" {
            constant(7)?
        } else {
            None
        };

        let of = |array: &Array<T>, what: &str, i: usize, rank: usize| match (
            &array.shape[..],
            array.shape.len() == rank,
        ) {
            ([n, rest @ ..], true) if *n == directions => {
                let size: usize = rest.iter().product();
                let values = array.values[i * size..][..size].to_vec();
                Ok(Array::new(rest.to_vec(), values))
            }
            (shape, _) => {
                let mut expected = shape.to_vec();
                expected.resize(rank, 0);
                expected[0] = directions;
                Err(WeightsError::misshapen(what, &expected, shape))
            }
        };
        let optional = |array: &Option<Array<T>>, what: &str, i: usize| {
            array
                .as_ref()
                .map(|array| of(array, what, i, 2))
                .transpose()
        };
        let direction = |i: usize| {
            let layer = OnnxLayer {
                form: form(node, p.is_some(), i)?,
                w: of(&w, "W", i, 3)?,
                r: of(&r, "R", i, 3)?,
                b: optional(&b, "B", i)?,
                p: optional(&p, "P", i)?,
            };
            layer.into_ours()
        };
        (0..directions).map(direction).collect()
    }

    /// Returns the recurrent operator whose sequence of outputs is the input of this one, if only its form
    /// changes in between.
    fn source<'a>(&self, operator: &Operator<'a>) -> Option<&'a Node> {
        let mut value: &str = operator.node.input.first()?;
        for _ in 0..LONGEST_WAY {
            let mut scopes = operator.scopes.iter();
            let node: &Node = scopes.find_map(|scope| scope.nodes.get(value).copied())?;
            match node.op_type.as_str() {
                // Not its last state, which is the second output.
                "LSTM" | "GRU" | "RNN" => return (node.output.first()? == value).then_some(node),
                "Transpose" | "Squeeze" | "Unsqueeze" | "Reshape" | "Identity" | "Cast"
                | "Dropout" => {}
                // One direction is cut out, and both are put side by side.
                "Slice" if self.is_along_directions(&operator.scopes, node) => {}
                "Concat" => {}
                _ => return None,
            }
            value = node.input.first()?;
        }
        None
    }

    /// Returns whether a slice cuts along the second axis, that of the directions.
    fn is_along_directions(&self, scopes: &[Rc<Scope>], node: &Node) -> bool {
        let of_attribute = attribute(node, "axes").map(|axes| axes.ints.clone());
        let of_input = || match self.look_up::<f32>(scopes, node.input.get(3)?).ok()? {
            Found::Constant(Constant::Ints(axes)) => Some(axes),
            _ => None,
        };
        of_attribute
            .or_else(of_input)
            .is_some_and(|axes| axes == [1])
    }

    /// Returns the constant of this name, or the operator that computes it.
    fn look_up<'a, T: Element>(
        &self,
        scopes: &[Rc<Scope<'a>>],
        name: &str,
    ) -> Result<Found<'a, T>, WeightsError> {
        for scope in scopes {
            if let Some(tensor) = scope.constants.get(name) {
                return Ok(Found::Constant(self.read(tensor)?));
            }
            if let Some(node) = scope.nodes.get(name) {
                let value = attribute(node, "value").and_then(|a| a.t.as_ref());
                let ints = attribute(node, "value_ints").map(|a| a.ints.clone());
                return Ok(match (node.op_type.as_str(), value, ints) {
                    ("Constant", Some(tensor), _) => Found::Constant(self.read(tensor)?),
                    ("Constant", _, Some(ints)) => Found::Constant(Constant::Ints(ints)),
                    _ => Found::Operator(node),
                });
            }
        }
        Err(WeightsError::missing(name))
    }

    /// Returns the numbers of a tensor.
    fn read<T: Element>(&self, tensor: &TensorProto) -> Result<Constant<T>, WeightsError> {
        let damaged = |problem: &str| {
            WeightsError::damaged(&self.path, format!("tensor {}: {problem}", tensor.name))
        };
        let sizes = tensor.dims.iter().map(|&size| usize::try_from(size).ok());
        let shape: Option<Vec<usize>> = sizes.collect();
        let shape = shape.ok_or_else(|| damaged("of a negative size"))?;
        let n = count(&shape);
        let external;
        let raw: &[u8] = match tensor.data_location {
            0 => &tensor.raw_data,
            _ => {
                external = self.external(tensor)?;
                let (bytes, range) = &external;
                &bytes[range.clone()]
            }
        };
        let whole = |n_found: usize| match n == Some(n_found) {
            true => Ok(()),
            false => Err(damaged(&format!(
                "of shape {:?}, with {n_found} numbers",
                tensor.dims
            ))),
        };
        let floats = |dtype: Dtype| {
            whole(raw.len() / dtype.size().unwrap_or(1))?;
            let stored = Stored::in_order(dtype, shape.clone(), 0, 0..raw.len());
            let values = dtype.read(raw, &stored).expect("a weight's type");
            Ok(Constant::Floats(Array::new(shape.clone(), values)))
        };
        let typed = |values: Vec<T>| {
            whole(values.len())?;
            Ok(Constant::Floats(Array::new(shape.clone(), values)))
        };
        match tensor.data_type {
            1 if !tensor.float_data.is_empty() => {
                typed(tensor.float_data.iter().map(|&v| T::from_elem(v)).collect())
            }
            11 if !tensor.double_data.is_empty() => typed(
                tensor
                    .double_data
                    .iter()
                    .map(|&v| T::from_elem(v))
                    .collect(),
            ),
            10 if !tensor.int32_data.is_empty() => {
                let half = |&v: &i32| T::from_elem(burn::tensor::f16::from_bits(v as u16));
                typed(tensor.int32_data.iter().map(half).collect())
            }
            16 if !tensor.int32_data.is_empty() => {
                let half = |&v: &i32| T::from_elem(burn::tensor::bf16::from_bits(v as u16));
                typed(tensor.int32_data.iter().map(half).collect())
            }
            1 => floats(Dtype::F32),
            10 => floats(Dtype::F16),
            11 => floats(Dtype::F64),
            16 => floats(Dtype::Bf16),
            7 => {
                let (numbers, _) = raw.as_chunks();
                let from_raw = numbers.iter().map(|&bytes| i64::from_le_bytes(bytes));
                let values: Vec<i64> = from_raw.chain(tensor.int64_data.iter().copied()).collect();
                whole(values.len())?;
                Ok(Constant::Ints(values))
            }
            6 => {
                let (numbers, _) = raw.as_chunks();
                let from_raw = numbers
                    .iter()
                    .map(|&bytes| i32::from_le_bytes(bytes).into());
                let typed = tensor.int32_data.iter().map(|&v| v.into());
                let values: Vec<i64> = from_raw.chain(typed).collect();
                whole(values.len())?;
                Ok(Constant::Ints(values))
            }
            other => Err(WeightsError::WrongType {
                name: tensor.name.clone(),
                found: format!("numbers of ONNX's type {other}"),
            }),
        }
    }

    /// Returns a file beside the model, and where in it a tensor lies.
    fn external(
        &self,
        tensor: &TensorProto,
    ) -> Result<(Rc<Vec<u8>>, std::ops::Range<usize>), WeightsError> {
        let entry = |key: &str| {
            let entry = tensor.external_data.iter().find(|entry| entry.key == key);
            entry.map(|entry| entry.value.as_str())
        };
        let damaged = |problem: String| {
            WeightsError::damaged(&self.path, format!("tensor {}: {problem}", tensor.name))
        };
        let location = entry("location").ok_or_else(|| damaged("its file has no name".into()))?;
        let is_beside = Path::new(location)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_beside {
            return Err(damaged(format!(
                "its file {location:?} is not beside the model"
            )));
        }
        let mut files = self.external.borrow_mut();
        if !files.contains_key(location) {
            let path = self.path.parent().unwrap_or(Path::new("")).join(location);
            let bytes = read_bytes(&path)?;
            files.insert(location.into(), Rc::new(bytes));
        }
        let bytes = files[location].clone();
        let number = |key: &str| entry(key).map(|text| text.parse::<usize>().ok());
        let start = number("offset").unwrap_or(Some(0));
        let length = number("length").unwrap_or(start.and_then(|s| bytes.len().checked_sub(s)));
        let end = start
            .zip(length)
            .and_then(|(start, length)| start.checked_add(length));
        match (start, end) {
            (Some(start), Some(end)) if end <= bytes.len() => Ok((bytes, start..end)),
            _ => Err(damaged(format!("it does not lie within {location:?}"))),
        }
    }
}

fn name(node: &Node) -> &str {
    match node.name.is_empty() {
        true => node
            .output
            .iter()
            .find(|output| !output.is_empty())
            .map_or("", String::as_str),
        false => &node.name,
    }
}

fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute
        .iter()
        .find(|attribute| attribute.name == name)
}

fn text(node: &Node, name: &str) -> Option<String> {
    let bytes = &attribute(node, name)?.s;
    Some(String::from_utf8_lossy(bytes).to_lowercase())
}

/// Returns the equations of an operator in one of its directions.
fn form(node: &Node, has_peepholes: bool, direction: usize) -> Result<Form, WeightsError> {
    let not_ours = |what: String| {
        Err(WeightsError::NotPortable(format!(
            "{what}: no cell of ours has that"
        )))
    };
    let default: &[&str] = match node.op_type.as_str() {
        "LSTM" => &["sigmoid", "tanh", "tanh"],
        "GRU" => &["sigmoid", "tanh"],
        _ => &["tanh"],
    };
    let strings = attribute(node, "activations").map_or(&[][..], |a| &a.strings);
    let strings = strings.iter().skip(direction * default.len());
    let activations: Vec<String> = strings
        .take(default.len())
        .map(|name| String::from_utf8_lossy(name).to_lowercase())
        .collect();
    if attribute(node, "clip").is_some() {
        return not_ours("it clips its sums".into());
    }
    if attribute(node, "input_forget").is_some_and(|a| a.i != 0) {
        return not_ours("input_forget".into());
    }
    let after = attribute(node, "linear_before_reset").is_some_and(|a| a.i != 0);
    match node.op_type.as_str() {
        "RNN" if activations == ["relu"] => Ok(Form::ReluRnn),
        _ if !activations.is_empty() && activations != default => {
            not_ours(format!("activations {activations:?}"))
        }
        "RNN" => Ok(Form::TanhRnn),
        "GRU" if after => Ok(Form::Gru),
        "GRU" => Ok(Form::OriginalGru),
        _ if has_peepholes => Ok(Form::PeepholeLstm),
        _ => Ok(Form::Lstm),
    }
}
