//! Numbers of any shape on the host.

use burn::tensor::{Element, Tensor, TensorData, backend::Backend};

/// Numbers with a shape, in row-major order.
///
/// ```
/// use models::weights::Array;
///
/// let matrix = Array::new([2, 3], vec![1, 2, 3, 4, 5, 6]);
/// assert_eq!(matrix.transposed(), Array::new([3, 2], vec![1, 4, 2, 5, 3, 6]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Array<T> {
    /// The size of each dimension.
    pub shape: Vec<usize>,
    /// The numbers, the last dimension next to one another.
    pub values: Vec<T>,
}

/// A block of a transposed matrix fits into the cache.
const BLOCK: usize = 32;

impl<T: Copy> Array<T> {
    /// Returns the array of these numbers.
    ///
    /// # Panics
    ///
    /// Panics unless there are as many numbers as `shape` says.
    pub fn new(shape: impl Into<Vec<usize>>, values: Vec<T>) -> Self {
        let shape = shape.into();
        let n: usize = shape.iter().product();
        assert_eq!(values.len(), n, "an array of shape {shape:?}");
        Array { shape, values }
    }

    /// Returns the number of columns: the size of the last dimension.
    pub fn columns(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Returns the number of rows of that many columns.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns().max(1)
    }

    /// Returns the transposed matrix.
    pub fn transposed(&self) -> Self
    where
        T: Element,
    {
        let (rows, columns) = (self.rows(), self.columns());
        let mut values = vec![T::from_elem(0); self.values.len()];
        for top in (0..rows).step_by(BLOCK) {
            for left in (0..columns).step_by(BLOCK) {
                for column in left..columns.min(left + BLOCK) {
                    let to = &mut values[column * rows..][top..rows.min(top + BLOCK)];
                    for (row, to) in (top..).zip(to) {
                        *to = self.values[row * columns + column];
                    }
                }
            }
        }
        Array::new([columns, rows], values)
    }

    /// Cuts each row into `order.len()` blocks and returns the matrix whose block `i` is block `order[i]` of
    /// this one: other gates first.
    pub(super) fn with_blocks(mut self, order: &[usize]) -> Self {
        if order.iter().enumerate().all(|(i, &block)| i == block) {
            return self;
        }
        let width = self.columns() / order.len();
        let row = |row: &[T]| -> Vec<T> {
            let blocks = order.iter().map(|&block| &row[block * width..][..width]);
            blocks.flatten().copied().collect()
        };
        let rows = self.values.chunks(self.columns().max(1));
        self.values = rows.flat_map(row).collect();
        self
    }

    /// Returns a part of a vector.
    pub(super) fn part(&self, range: std::ops::Range<usize>) -> Self {
        Array::new([range.len()], self.values[range].to_vec())
    }

    /// Returns the vectors one after another.
    pub(super) fn joined(parts: &[&Array<T>]) -> Self {
        let values: Vec<T> = parts
            .iter()
            .flat_map(|part| &part.values)
            .copied()
            .collect();
        Array::new([values.len()], values)
    }
}

impl<T: Element> Array<T> {
    /// Returns zeros.
    pub(super) fn zeros(shape: impl Into<Vec<usize>>) -> Self {
        let shape = shape.into();
        let n = shape.iter().product();
        Array::new(shape, vec![T::from_elem(0.0f64); n])
    }

    /// Returns the sums, each rounded once.
    pub(super) fn plus(&self, other: &Array<T>) -> Self {
        let pairs = self.values.iter().zip(&other.values);
        let sum = |(a, b): (&T, &T)| T::from_elem(a.to_f64() + b.to_f64());
        Array::new(self.shape.clone(), pairs.map(sum).collect())
    }

    /// Returns the numbers of a tensor.
    pub fn of_tensor<B: Backend<FloatElem = T>, const D: usize>(tensor: Tensor<B, D>) -> Self {
        let data = tensor.into_data().convert::<T>();
        let shape: Vec<usize> = data.shape.iter().copied().collect();
        Array::new(shape, data.into_vec().expect("just converted"))
    }

    /// Returns a tensor of these numbers.
    ///
    /// # Panics
    ///
    /// Panics unless the array has `D` dimensions.
    pub fn into_tensor<B: Backend<FloatElem = T>, const D: usize>(
        self,
        device: &B::Device,
    ) -> Tensor<B, D> {
        let data = TensorData::new(self.values, self.shape);
        let dtype = data.dtype;
        Tensor::from_data(data, (device, dtype))
    }
}
