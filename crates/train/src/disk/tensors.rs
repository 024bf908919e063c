//! Tensors by name, and safetensors files of them. A module's tensors are named by their paths in it,
//! without the kinds of its layers (`stack.layers.0.wx`).

use std::collections::{BTreeMap, HashMap};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId},
    tensor::{DType, Tensor, TensorData, backend::Backend},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

/// Values by name, sorted.
pub(crate) type Tensors = BTreeMap<String, TensorData>;

/// Shapes by name: exactly the tensors that a file must have.
pub(crate) type Layout = BTreeMap<String, Vec<usize>>;

/// Returns the name of each parameter of a module.
pub(crate) fn names<B: Backend>(module: &impl Module<B>) -> HashMap<ParamId, String> {
    #[derive(Default)]
    struct Names {
        path: Vec<String>,
        names: HashMap<ParamId, String>,
    }
    impl<B: Backend> ModuleVisitor<B> for Names {
        fn enter_module(&mut self, name: &str, container: &str) {
            if is_in_path(container) {
                self.path.push(name.to_owned());
            }
        }

        fn exit_module(&mut self, _name: &str, container: &str) {
            if is_in_path(container) {
                self.path.pop();
            }
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            self.names.insert(param.id, self.path.join("."));
        }
    }
    fn is_in_path(container: &str) -> bool {
        !container.starts_with("Enum:")
    }
    let mut names = Names::default();
    module.visit(&mut names);
    names.names
}

/// Returns the parameters of a module.
pub(crate) fn of_module<B: Backend>(module: &impl Module<B>) -> Tensors {
    struct Values {
        names: HashMap<ParamId, String>,
        tensors: Tensors,
    }
    impl<B: Backend> ModuleVisitor<B> for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let name = self.names[&param.id].clone();
            self.tensors.insert(name, param.val().into_data());
        }
    }
    let mut values = Values {
        names: names(module),
        tensors: Tensors::new(),
    };
    module.visit(&mut values);
    values.tensors
}

/// Returns the module with these parameters.
///
/// # Panics
///
/// Panics if one is missing or has another shape: [`parse`] them with the module's layout.
pub(crate) fn into_module<B: Backend, M: Module<B>>(module: M, tensors: Tensors) -> M {
    struct Replace {
        names: HashMap<ParamId, String>,
        tensors: Tensors,
    }
    impl<B: Backend> ModuleMapper<B> for Replace {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, old) = (param.id, param.val());
            let data = self.tensors.remove(&self.names[&id]).expect("checked");
            assert_eq!(data.shape, old.shape(), "{}", self.names[&id]);
            let tensor = Tensor::from_data(data, (&old.device(), old.dtype()));
            Param::initialized(id, tensor.require_grad())
        }
    }
    let names = names(&module);
    module.map(&mut Replace { names, tensors })
}

/// Returns the layout of a file of a module's parameters.
pub(crate) fn layout_of_module<B: Backend>(module: &impl Module<B>) -> Layout {
    struct Shapes {
        names: HashMap<ParamId, String>,
        layout: Layout,
    }
    impl<B: Backend> ModuleVisitor<B> for Shapes {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let shape = param.val().shape().iter().copied().collect();
            self.layout.insert(self.names[&param.id].clone(), shape);
        }
    }
    let mut shapes = Shapes {
        names: names(module),
        layout: Layout::new(),
    };
    module.visit(&mut shapes);
    shapes.layout
}

/// Returns the layout of a file of these tensors.
pub(crate) fn layout(tensors: &Tensors) -> Layout {
    let shape = |data: &TensorData| data.shape.iter().copied().collect();
    tensors
        .iter()
        .map(|(name, data)| (name.clone(), shape(data)))
        .collect()
}

/// Writes a safetensors file: the same bytes for the same tensors.
pub(crate) fn to_bytes(tensors: &Tensors) -> Vec<u8> {
    let views = tensors.iter().map(|(name, data)| {
        let dtype = safetensors_dtype(data.dtype).expect("the precision of a model");
        let shape = data.shape.iter().copied().collect();
        let view = TensorView::new(dtype, shape, data.as_bytes());
        (name, view.expect("as long as its shape says"))
    });
    safetensors::serialize(views, None).expect("a header that is not too long")
}

/// Reads a safetensors file that must have exactly the tensors of `layout`, in this precision, and only
/// finite numbers. Whatever `bytes` holds, this takes no more memory than `bytes` itself.
pub(crate) fn parse(bytes: &[u8], layout: &Layout, precision: DType) -> Result<Tensors, String> {
    let largest = largest_file(layout, precision);
    if bytes.len() > largest {
        let found = bytes.len();
        return Err(format!(
            "{found} bytes, but its tensors need at most {largest}"
        ));
    }
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let mut tensors = Tensors::new();
    for (name, view) in file.iter() {
        let Some(shape) = layout.get(name) else {
            return Err(format!(
                "it has a tensor {name:?}, which does not belong there"
            ));
        };
        if Some(view.dtype()) != safetensors_dtype(precision) {
            let found = view.dtype();
            return Err(format!("tensor {name} is {found:?}, not {precision:?}"));
        }
        if view.shape() != shape {
            let found = view.shape();
            return Err(format!("tensor {name} has shape {found:?}, not {shape:?}"));
        }
        let data = TensorData::from_bytes_vec(view.data().to_vec(), shape.clone(), precision);
        if !is_finite(&data) {
            return Err(format!("tensor {name} has a number that is not finite"));
        }
        tensors.insert(name.to_owned(), data);
    }
    match layout.keys().find(|name| !tensors.contains_key(*name)) {
        Some(missing) => Err(format!("it has no tensor {missing}")),
        None => Ok(tensors),
    }
}

/// Copies each tensor of `known` into the upper left corner of the tensor of that name in `fresh`, which
/// is at least as large. Rows and columns that `known` lacks keep the values of `fresh`.
///
/// # Panics
///
/// Panics if `known` lacks a tensor of `fresh`, or has one of another rank or a larger one.
pub(crate) fn overlaid(mut fresh: Tensors, known: &Tensors) -> Tensors {
    for (name, data) in &mut fresh {
        let old = &known[name];
        let rows_and_columns = |data: &TensorData| match data.shape.as_slice() {
            &[columns] => (1, columns),
            &[rows, columns] => (rows, columns),
            shape => panic!("{name} of rank {}", shape.len()),
        };
        let (rows, old_columns) = rows_and_columns(old);
        let (_, columns) = rows_and_columns(data);
        let mut values: Vec<f64> = data.iter().collect();
        let old: Vec<f64> = old.iter().collect();
        for row in 0..rows {
            let from = &old[row * old_columns..][..old_columns];
            values[row * columns..][..old_columns].copy_from_slice(from);
        }
        let dtype = data.dtype;
        *data = TensorData::new(values, data.shape.clone()).convert_dtype(dtype);
    }
    fresh
}

/// Returns how long a file of these tensors may be, in bytes. A header larger than they need would grow to
/// many times its size in memory.
pub(crate) fn largest_file(layout: &Layout, precision: DType) -> usize {
    let header: usize = layout.keys().map(|name| 256 + name.len()).sum();
    let values = |shape: &Vec<usize>| shape.iter().product::<usize>() * precision.size();
    1024 + header + layout.values().map(values).sum::<usize>()
}

/// Returns whether all of the numbers are finite.
pub(crate) fn is_finite(data: &TensorData) -> bool {
    data.iter::<f64>().all(f64::is_finite)
}

fn safetensors_dtype(dtype: DType) -> Option<Dtype> {
    match dtype {
        DType::F64 => Some(Dtype::F64),
        DType::F32 | DType::Flex32 => Some(Dtype::F32),
        DType::F16 => Some(Dtype::F16),
        DType::BF16 => Some(Dtype::BF16),
        _ => None,
    }
}
