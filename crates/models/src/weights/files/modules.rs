//! PyTorch's tensors onto any Burn module that holds layers of ours, and back.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Tensor, backend::Backend},
};

use super::{
    array::Array,
    error::WeightsError,
    file::WeightFile,
    layer_weights::{Form, LayerWeights, array},
    state_dict::{Place, TENSORS, read_layer, with_dot, write_layer},
    to_safetensors::NamedArrays,
};
use crate::cells::CellKind;

/// What became of a module's parameters, and of a file's tensors.
///
/// Printed, it is a line for each thing that did not fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// The parameters that were loaded, by their paths in the module.
    pub loaded: Vec<String>,
    /// The parameters for which the file has nothing, and the names under which that was sought.
    pub missing: Vec<(String, String)>,
    /// The parameters whose tensors do not fit, and why: another shape, another cell, integers, two of one
    /// name.
    pub not_loaded: Vec<(String, String)>,
    /// The file's tensors of layers that the module has not.
    pub unused: Vec<String>,
}

impl LoadReport {
    /// Returns whether each parameter was loaded, and each loaded layer found all of its tensors used. Layers
    /// that the module has not are [`unused`](Self::unused).
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.not_loaded.is_empty()
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} parameters loaded", self.loaded.len())?;
        for (parameter, name) in &self.missing {
            writeln!(f, "missing: {parameter}, sought as {name}")?;
        }
        for (parameter, problem) in &self.not_loaded {
            writeln!(f, "not loaded: {parameter}: {problem}")?;
        }
        for name in &self.unused {
            writeln!(f, "unused: {name}")?;
        }
        Ok(())
    }
}

/// Returns the module with its parameters loaded from a file that PyTorch wrote, and what became of each. What
/// the file lacks stays as it was.
///
/// A parameter is sought under its path in the module, after `rename` has changed it. Of recurrent layers
/// `rename` gets the path of the stack, the single cell or the bidirectional layer, `rnn`, and what follows are
/// PyTorch's names (`rnn.layers.1.wx` is `rnn.weight_ih_l1`); a `Linear` is transposed; the `gamma` and `beta`
/// of a normalisation are PyTorch's `weight` and `bias`; everything else has the same name and shape.
///
/// ```
/// use burn::{module::Module, nn::{Linear, LinearConfig}, tensor::backend::Backend};
/// use burn_ndarray::NdArray;
/// use models::{Gru, GruConfig, weights::{WeightFile, load_pytorch, module_to_pytorch, to_safetensors}};
///
/// #[derive(Module, Debug)]
/// struct Tagger<B: Backend> {
///     rnn: Gru<B>,
///     head: Linear<B>,
/// }
///
/// type B = NdArray<f32>;
/// let device = Default::default();
/// let tagger = || Tagger::<B> {
///     rnn: GruConfig::new(3, 8).init(&device),
///     head: LinearConfig::new(8, 2).init(&device),
/// };
/// let bytes = to_safetensors(&module_to_pytorch(&tagger())?, &[]);
///
/// let file = WeightFile::from_bytes("memory", bytes)?; // or WeightFile::open("tagger.pt")
/// let (tagger, report) = load_pytorch(tagger(), &file, |path| path.to_owned());
/// assert!(report.is_complete(), "{report}");
/// let theirs = file.read::<f32>("head.weight")?; // [2, 8], ours transposed
/// assert_eq!(tagger.head.weight.val().transpose().into_data().iter::<f32>().last(), theirs.values.last().copied());
/// # Ok::<(), models::weights::WeightsError>(())
/// ```
pub fn load_pytorch<B: Backend, M: Module<B>>(
    module: M,
    file: &WeightFile,
    rename: impl Fn(&str) -> String,
) -> (M, LoadReport) {
    let mut load = Load {
        path: Path::default(),
        file,
        rename: &rename,
        layers: HashMap::new(),
        used: BTreeSet::new(),
        root: None,
        half: BTreeSet::new(),
        report: LoadReport::default(),
        backend: std::marker::PhantomData::<B>,
    };
    let module = module.map(&mut load);
    let (used, mut report) = (load.used, load.report);
    let before_product = "it resets before the product, but PyTorch's GRU after it";
    let half = load.half.into_iter();
    report
        .not_loaded
        .extend(half.map(|path| (path, before_product.to_owned())));
    let unused = file.names().filter(|name| !used.contains(*name));
    // Without the rest of its tensors a layer computes something else.
    let layers: BTreeSet<&str> = used.iter().filter_map(|name| layer_of(name)).collect();
    let belongs = |name: &&str| layer_of(name).is_some_and(|layer| layers.contains(layer));
    let (halves, unused): (Vec<&str>, Vec<&str>) = unused.partition(belongs);
    let no_place = "the module has no place for it";
    let halves = halves.into_iter();
    report
        .not_loaded
        .extend(halves.map(|name| (name.to_owned(), no_place.to_owned())));
    report.unused = unused.into_iter().map(str::to_owned).collect();
    (module, report)
}

/// Returns the layer of a tensor that is one of a layer's weights and biases.
fn layer_of(name: &str) -> Option<&str> {
    let (layer, tensor) = name.rsplit_once('.').unwrap_or(("", name));
    let is_recurrent = TENSORS.iter().any(|start| tensor.starts_with(start));
    (is_recurrent || tensor == "weight" || tensor == "bias").then_some(layer)
}

/// Returns the tensors of a module under PyTorch's names, for `load_state_dict`: what [`load_pytorch`] reads.
///
/// Parameters do not tell everything: a [`Gru`](crate::Gru) without biases is taken for one that resets after
/// the product, as PyTorch's does, a [`Bidirectional`](crate::Bidirectional) layer for one that concatenates,
/// and whether an [`Rnn`](crate::Rnn) has tanh or ReLU stands nowhere.
/// [`Stack::to_pytorch`](crate::Stack::to_pytorch) knows.
///
/// # Errors
///
/// Returns an error if PyTorch has no such recurrent layer.
pub fn module_to_pytorch<B: Backend>(
    module: &impl Module<B>,
) -> Result<NamedArrays<B::FloatElem>, WeightsError> {
    let mut collect = Collect::<B> {
        path: Path::default(),
        layers: BTreeMap::new(),
        arrays: NamedArrays::new(),
    };
    module.visit(&mut collect);
    let mut arrays = collect.arrays;
    for ((base, place), fields) in collect.layers {
        write_layer(
            &of_fields(&base, fields)?,
            &with_dot(&base),
            place,
            &mut arrays,
        )?;
    }
    Ok(arrays)
}

/// The parts of a path in a module, with the type that each of them is in. Variants of an enum are no parts.
#[derive(Default)]
struct Path(Vec<(String, String)>);

/// What a parameter is to PyTorch.
enum Target {
    /// A part of a recurrent layer: where the layers are, which it is, and our name of the part.
    Recurrent(String, Place, String),
    /// A tensor of this name, transposed if need be.
    Plain(String, bool),
}

impl Path {
    fn enter(&mut self, name: &str, container: &str) {
        self.0.push((name.to_owned(), container.to_owned()));
    }

    fn leave(&mut self) {
        self.0.pop();
    }

    fn text(&self) -> String {
        let names: Vec<&str> = parts(&self.0).map(|(name, _)| name.as_str()).collect();
        names.join(".")
    }

    /// Returns what the parameter at this path is to PyTorch.
    fn target(&self) -> Target {
        let parts: Vec<&(String, String)> = parts(&self.0).collect();
        let Some(((field, container), mut before)) = parts.split_last() else {
            return Target::Plain(String::new(), false);
        };
        let container = container.trim_start_matches("Struct:");
        let is_part = ["wx", "wh", "b", "bhn", "p", "wr"].contains(&field.as_str());
        if is_part && is_cell(container) {
            let mut place = Place {
                layer: None,
                reverse: false,
            };
            if let [start @ .., (direction, kind)] = before
                && kind == "Struct:Bidirectional"
            {
                place.reverse = direction == "backward";
                place.layer = Some(0);
                before = start;
            }
            if let [start @ .., (layers, stack), (number, _)] = before
                && layers == "layers"
                && stack == "Struct:Stack"
            {
                place.layer = number.parse().ok();
                before = start;
            }
            let base: Vec<&str> = before.iter().map(|(name, _)| name.as_str()).collect();
            return Target::Recurrent(base.join("."), place, field.clone());
        }
        let theirs = match (container, field.as_str()) {
            ("LayerNorm" | "BatchNorm" | "GroupNorm" | "InstanceNorm" | "RmsNorm", "gamma") => {
                "weight"
            }
            ("LayerNorm" | "BatchNorm" | "GroupNorm" | "InstanceNorm", "beta") => "bias",
            (_, field) => field,
        };
        let names = before.iter().map(|(name, _)| name.as_str()).chain([theirs]);
        let name = names.collect::<Vec<_>>().join(".");
        Target::Plain(name, container == "Linear" && field == "weight")
    }
}

/// Returns whether a type, as Burn reports it, is one of our cells.
fn is_cell(container: &str) -> bool {
    CellKind::ALL
        .iter()
        .any(|kind| kind.description().title == container)
}

fn parts(path: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    path.iter()
        .filter(|(_, container)| !container.starts_with("Enum:"))
}

/// A layer, if the file has it, or why it could not be read.
type Read<T> = Result<Option<LayerWeights<T>>, String>;

struct Load<'a, B: Backend, N> {
    path: Path,
    file: &'a WeightFile,
    rename: &'a N,
    /// The layers that have been read.
    layers: HashMap<(String, Place), Read<B::FloatElem>>,
    used: BTreeSet<String>,
    /// What stands in front of all names in the file, once it is known.
    root: Option<String>,
    /// The GRUs that took a bias and not yet the other one.
    half: BTreeSet<String>,
    report: LoadReport,
    backend: std::marker::PhantomData<B>,
}

/// Why a parameter was not loaded.
enum Failure {
    Missing(String),
    Unfit(String),
}

impl<B: Backend, N: Fn(&str) -> String> Load<'_, B, N> {
    /// Returns the numbers for the parameter at the current path.
    fn find(&mut self) -> Result<Array<B::FloatElem>, Failure> {
        match self.path.target() {
            Target::Plain(name, is_transposed) => {
                let name = (self.rename)(&name);
                let full = self.full(&name)?;
                let array = self.file.read_exact(&full).map_err(failure)?;
                self.used.insert(full);
                Ok(if is_transposed {
                    array.transposed()
                } else {
                    array
                })
            }
            Target::Recurrent(base, place, field) => {
                self.part(&(self.rename)(&base), place, &field)
            }
        }
    }

    /// Returns the full name of a tensor. The first that is found decides what stands in front of all.
    fn full(&mut self, name: &str) -> Result<String, Failure> {
        if let Some(root) = &self.root {
            let full = format!("{root}{name}");
            return match self.file.shape(&full) {
                Some(_) => Ok(full),
                None => Err(Failure::Missing(full)),
            };
        }
        let full = self.file.find(name).map_err(failure)?;
        self.root = Some(full[..full.len() - name.len()].to_owned());
        Ok(full.to_owned())
    }

    /// Returns a part of a recurrent layer.
    fn part(
        &mut self,
        base: &str,
        mut place: Place,
        field: &str,
    ) -> Result<Array<B::FloatElem>, Failure> {
        let base = with_dot(base);
        // A layer of its own may be the first of PyTorch's, or one of its cells.
        let first = Place {
            layer: Some(0),
            ..place
        };
        let sought = format!("{base}{}", first.name("weight_ih"));
        if place.layer.is_none() && self.full(&sought).is_ok() {
            place = first;
        }
        let sought = format!("{base}{}", place.name("weight_ih"));
        let full = self.full(&sought)?;
        let base = full[..full.len() - place.name("weight_ih").len()].to_owned();
        let key = (base.clone(), place);
        let layer = self.layers.entry(key).or_insert_with(|| {
            read_layer(self.file, &base, place).map_err(|error| error.to_string())
        });
        let layer = match layer {
            Err(problem) => return Err(Failure::Unfit(problem.clone())),
            Ok(None) => return Err(Failure::Missing(sought)),
            Ok(Some(layer)) => layer,
        };
        let cell = parts(&self.path.0).last().map_or("", |(_, cell)| cell);
        let fits = match cell.trim_start_matches("Struct:") {
            "Rnn" => layer.form == Form::TanhRnn,
            "Lstm" => layer.form == Form::Lstm,
            "ProjectedLstm" => layer.form == Form::ProjectedLstm,
            "Gru" => layer.form == Form::Gru,
            _ => false,
        };
        if !fits {
            let form = layer.form;
            return Err(Failure::Unfit(format!("{base} is another cell: {form:?}")));
        }
        if layer.form == Form::Gru {
            let mut path = self.path.text();
            path.truncate(path.len().saturating_sub(field.len() + 1));
            match field {
                "b" => drop(self.half.insert(path)),
                "bhn" => drop(self.half.remove(&path)),
                _ => {}
            }
        }
        let (array, tensors): (_, &[&str]) = match field {
            "wx" => (Some(&layer.wx), &["weight_ih"]),
            "wh" => (Some(&layer.wh), &["weight_hh"]),
            "b" => (layer.b.as_ref(), &["bias_ih", "bias_hh"]),
            "bhn" => (layer.bhn.as_ref(), &["bias_hh"]),
            "wr" => (layer.wr.as_ref(), &["weight_hr"]),
            _ => (None, &[]),
        };
        let names = tensors
            .iter()
            .map(|tensor| format!("{base}{}", place.name(tensor)));
        let names: Vec<String> = names.collect();
        match array {
            Some(array) => {
                self.used.extend(names);
                Ok(array.clone())
            }
            None => Err(Failure::Missing(names.join(" and "))),
        }
    }
}

fn failure(error: WeightsError) -> Failure {
    match error {
        WeightsError::Missing { name, .. } => Failure::Missing(name),
        other => Failure::Unfit(other.to_string()),
    }
}

impl<B: Backend, N: Fn(&str) -> String> ModuleMapper<B> for Load<'_, B, N> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let path = self.path.text();
        let shape: Vec<usize> = param.val().shape().iter().copied().collect();
        let array = self.find().and_then(|array| match array.shape == shape {
            true => Ok(array),
            false => {
                let found = &array.shape;
                Err(Failure::Unfit(format!(
                    "{found:?} in the file, {shape:?} in the module"
                )))
            }
        });
        match array {
            Ok(array) => {
                self.report.loaded.push(path);
                let (id, old, mapper) = param.consume();
                let tensor = array.into_tensor(&old.device()).cast(old.dtype());
                let tensor = tensor.set_require_grad(old.is_require_grad());
                Param::from_mapped_value(id, tensor, mapper)
            }
            Err(failure) => {
                match failure {
                    Failure::Missing(name) => self.report.missing.push((path, name)),
                    Failure::Unfit(problem) => self.report.not_loaded.push((path, problem)),
                }
                param
            }
        }
    }
}

/// The parts of recurrent layers by where the layers are and which it is; each with the type of its cell.
type Layers<T> = BTreeMap<(String, Place), BTreeMap<String, (String, Array<T>)>>;

struct Collect<B: Backend> {
    path: Path,
    layers: Layers<B::FloatElem>,
    arrays: NamedArrays<B::FloatElem>,
}

impl<B: Backend> ModuleVisitor<B> for Collect<B> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let values = array(param);
        match self.path.target() {
            Target::Plain(name, true) => drop(self.arrays.insert(name, values.transposed())),
            Target::Plain(name, false) => drop(self.arrays.insert(name, values)),
            Target::Recurrent(base, place, field) => {
                let place = Place {
                    layer: Some(place.layer.unwrap_or(0)),
                    ..place
                };
                let container = parts(&self.path.0).last();
                let container = container.map(|(_, container)| container.clone());
                let layer = self.layers.entry((base, place)).or_default();
                layer.insert(field, (container.unwrap_or_default(), values));
            }
        }
    }
}

/// Returns the weights of a layer of which these parts were found.
fn of_fields<T: burn::tensor::Element>(
    base: &str,
    mut fields: BTreeMap<String, (String, Array<T>)>,
) -> Result<LayerWeights<T>, WeightsError> {
    let cell = fields
        .values()
        .next()
        .map_or("", |(cell, _)| cell)
        .to_owned();
    let mut take = |field: &str| Some(fields.remove(field)?.1);
    let (wx, wh, b, bhn, wr) = (take("wx"), take("wh"), take("b"), take("bhn"), take("wr"));
    let form = match cell.as_str() {
        "Struct:Rnn" => Some(Form::TanhRnn),
        "Struct:Lstm" => Some(Form::Lstm),
        "Struct:ProjectedLstm" => Some(Form::ProjectedLstm),
        "Struct:Gru" if b.is_some() == bhn.is_some() => Some(Form::Gru),
        _ => None,
    };
    match (form, wx, wh) {
        (Some(form), Some(wx), Some(wh)) => Ok(LayerWeights {
            b,
            bhn,
            wr,
            ..LayerWeights::new(form, wx, wh)
        }),
        _ => Err(WeightsError::NotPortable(format!(
            "{base}: PyTorch has no such cell as {}",
            cell.trim_start_matches("Struct:")
        ))),
    }
}
