//! Named tensors, and when two sets of them are equal: nearly, or bit for bit.

/// What a layer gives: its output, its state and the gradients.
#[derive(Clone, Debug)]
pub struct Tensors<T>(Vec<(&'static str, Vec<T>)>);

impl<T> Default for Tensors<T> {
    fn default() -> Self {
        Tensors(Vec::new())
    }
}

impl<T> Tensors<T> {
    pub fn push(&mut self, name: &'static str, values: Vec<T>) {
        self.0.push((name, values));
    }

    pub fn get(&self, name: &str) -> &[T] {
        let tensor = self.0.iter().find(|(n, _)| *n == name);
        &tensor.unwrap_or_else(|| panic!("a tensor {name}")).1
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[T])> {
        self.0.iter().map(|(name, values)| (*name, &values[..]))
    }

    fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| *name).collect();
        names.sort();
        names
    }
}

/// Largest difference from the reference, relative to the reference's largest magnitude. A tensor
/// below `FLOOR` is measured by `FLOOR`: what is lost where a gate saturates (1 − σ, 1 − tanh²) is
/// relative to 1, not to the little that is left.
pub fn error(values: &[f32], reference: &[f64]) -> f64 {
    assert_eq!(values.len(), reference.len());
    let largest = reference.iter().fold(FLOOR, |a, b| a.max(b.abs()));
    let differences = values
        .iter()
        .zip(reference)
        .map(|(&a, b)| (f64::from(a) - b).abs());
    // A NaN is an infinite error, which f64::max would hide.
    let worst = differences.fold(0.0, |a, b| {
        if b <= a {
            a
        } else if b.is_nan() {
            f64::INFINITY
        } else {
            b
        }
    });
    worst / largest
}

const FLOOR: f64 = 1e-3;

/// Asserts that each tensor is within `tolerance` of the reference.
pub fn assert_close(what: &str, values: &Tensors<f32>, reference: &Tensors<f64>, tolerance: f64) {
    assert_eq!(values.names(), reference.names(), "{what}");
    for (name, reference) in reference.iter() {
        let values = values.get(name);
        assert_eq!(values.len(), reference.len(), "{what}: length of {name}");
        let error = error(values, reference);
        assert!(error <= tolerance, "{what}: {name} is off by {error:.1e}");
    }
}

/// Asserts that each tensor has the same bits as the other's.
pub fn assert_same_bits(what: &str, a: &Tensors<f32>, b: &Tensors<f32>) {
    assert_eq!(a.names(), b.names(), "{what}");
    for (name, a) in a.iter() {
        assert!(
            bits(a) == bits(b.get(name)),
            "{what}: {name} has other bits"
        );
    }
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
