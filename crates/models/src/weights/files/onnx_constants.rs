//! What exporters leave between a recurrent operator and its weights: a few operators on constants, which move
//! numbers and compute nothing.

use std::cell::Cell;

use burn::tensor::Element;

use super::{array::Array, error::WeightsError, onnx_proto::Node};

/// A constant of a graph.
#[derive(Clone, Debug)]
pub(super) enum Constant<T> {
    Floats(Array<T>),
    /// Axes, starts and ends.
    Ints(Vec<i64>),
}

/// What a name in a graph stands for.
pub(super) enum Found<'a, T> {
    Constant(Constant<T>),
    /// What computes it.
    Operator(&'a Node),
}

/// Returns the constant of this name. `look_up` finds constants and operators, `largest` is how many numbers a
/// constant may have, `steps` how many operators are left, `depth` how many may follow one another.
pub(super) fn evaluate<'a, T: Element>(
    name: &str,
    look_up: &dyn Fn(&str) -> Result<Found<'a, T>, WeightsError>,
    largest: usize,
    steps: &Cell<usize>,
    depth: usize,
) -> Result<Constant<T>, WeightsError> {
    let too_many = || {
        let problem = "its weights take too many operators; export the model with constant folding";
        WeightsError::NotPortable(problem.into())
    };
    steps.set(steps.get().checked_sub(1).ok_or_else(too_many)?);
    let node = match look_up(name)? {
        Found::Constant(constant) => return Ok(constant),
        Found::Operator(node) => node,
    };
    let not_constant = || {
        WeightsError::NotPortable(format!(
            "{name} is computed by {}; export the model with constant folding",
            node.op_type
        ))
    };
    let depth = depth.checked_sub(1).ok_or_else(not_constant)?;
    let input = |i: usize| {
        let name = node.input.get(i).filter(|name| !name.is_empty());
        let value = name.map(|name| evaluate(name, look_up, largest, steps, depth));
        value.transpose()
    };
    let array = |i: usize| match input(i)? {
        Some(Constant::Floats(array)) => Ok(array),
        _ => Err(not_constant()),
    };
    // From an input, and in older models from an attribute.
    let numbers = |i: usize, attribute: &str| {
        let of_attribute = node.attribute.iter().find(|a| a.name == attribute);
        match (input(i)?, of_attribute) {
            (Some(Constant::Ints(values)), _) => Ok(Some(values)),
            (_, Some(attribute)) => Ok(Some(attribute.ints.clone())),
            _ => Ok(None),
        }
    };
    let result = match node.op_type.as_str() {
        "Identity" | "Cast" => return input(0)?.ok_or_else(not_constant),
        "Transpose" => transpose(array(0)?, numbers(usize::MAX, "perm")?),
        "Unsqueeze" => {
            let axes = numbers(1, "axes")?.ok_or_else(not_constant)?;
            unsqueeze(array(0)?, axes)
        }
        "Squeeze" => squeeze(array(0)?, numbers(1, "axes")?),
        "Slice" => {
            let array = array(0)?;
            let [starts, ends] = [numbers(1, "starts")?, numbers(2, "ends")?];
            let (axes, by) = (numbers(3, "axes")?, numbers(4, "steps")?);
            slice(array, starts, ends, axes, by)
        }
        "Concat" => {
            let (mut parts, mut numbers) = (Vec::new(), 0);
            for i in 0..node.input.len() {
                let part = array(i)?;
                numbers += part.values.len();
                if numbers > largest {
                    return Err(too_many());
                }
                parts.push(part);
            }
            concat(&parts, axis(node))
        }
        _ => None,
    };
    result.map(Constant::Floats).ok_or_else(not_constant)
}

fn axis(node: &Node) -> i64 {
    let axis = node.attribute.iter().find(|a| a.name == "axis");
    axis.map_or(0, |axis| axis.i)
}

/// Returns an axis of `rank`, counted from the end if it is negative.
fn place(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 {
        axis.checked_add(rank as i64)?
    } else {
        axis
    };
    usize::try_from(axis).ok().filter(|&axis| axis < rank)
}

fn transpose<T: Element>(array: Array<T>, order: Option<Vec<i64>>) -> Option<Array<T>> {
    let is_plain = order.is_none_or(|order| order == [1, 0]);
    (array.shape.len() == 2 && is_plain).then(|| array.transposed())
}

fn unsqueeze<T: Element>(mut array: Array<T>, axes: Vec<i64>) -> Option<Array<T>> {
    let rank = array.shape.len() + axes.len();
    if rank > 8 {
        return None;
    }
    let places: Option<Vec<usize>> = axes.iter().map(|&axis| place(axis, rank)).collect();
    let mut places = places?;
    places.sort_unstable();
    for axis in places {
        (axis <= array.shape.len()).then_some(())?;
        array.shape.insert(axis, 1);
    }
    Some(array)
}

fn squeeze<T: Element>(mut array: Array<T>, axes: Option<Vec<i64>>) -> Option<Array<T>> {
    let rank = array.shape.len();
    let all = || {
        (0..rank as i64)
            .filter(|&i| array.shape[i as usize] == 1)
            .collect()
    };
    let axes: Vec<i64> = axes.unwrap_or_else(all);
    let places: Option<Vec<usize>> = axes.iter().map(|&axis| place(axis, rank)).collect();
    let mut places = places?;
    places.sort_unstable();
    places.dedup();
    for axis in places.into_iter().rev() {
        (array.shape.remove(axis) == 1).then_some(())?;
    }
    Some(array)
}

/// Cuts along one axis, in steps of 1.
fn slice<T: Element>(
    array: Array<T>,
    starts: Option<Vec<i64>>,
    ends: Option<Vec<i64>>,
    axes: Option<Vec<i64>>,
    by: Option<Vec<i64>>,
) -> Option<Array<T>> {
    let (&[start], &[end]) = (&starts?[..], &ends?[..]) else {
        return None;
    };
    let axis = match axes.as_deref() {
        None => 0,
        Some(&[axis]) => place(axis, array.shape.len())?,
        Some(_) => return None,
    };
    by.is_none_or(|by| by == [1]).then_some(())?;
    let size = *array.shape.get(axis)?;
    let within = |at: i64| {
        let at = if at < 0 {
            at.saturating_add(size as i64)
        } else {
            at
        };
        at.clamp(0, size as i64) as usize
    };
    let (start, end) = (within(start), within(end).max(within(start)));
    let inner: usize = array.shape[axis + 1..].iter().product();
    let blocks = array.values.chunks((size * inner).max(1));
    let values = blocks
        .flat_map(|block| &block[start * inner..end * inner])
        .copied()
        .collect();
    let mut shape = array.shape.clone();
    shape[axis] = end - start;
    Some(Array::new(shape, values))
}

fn concat<T: Element>(parts: &[Array<T>], axis: i64) -> Option<Array<T>> {
    let first = parts.first()?;
    let axis = place(axis, first.shape.len())?;
    let (before, after) = (&first.shape[..axis], &first.shape[axis + 1..]);
    let fits = |part: &Array<T>| {
        part.shape.len() == first.shape.len()
            && part.shape[..axis] == *before
            && part.shape[axis + 1..] == *after
    };
    parts.iter().all(fits).then_some(())?;
    let (outer, inner): (usize, usize) = (before.iter().product(), after.iter().product());
    let mut values = Vec::new();
    for i in 0..outer {
        for part in parts {
            let width = part.shape[axis] * inner;
            values.extend_from_slice(&part.values[i * width..][..width]);
        }
    }
    let mut shape = first.shape.clone();
    shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
    Some(Array::new(shape, values))
}
