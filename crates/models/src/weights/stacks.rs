//! Stacks from the weights of their layers, and back.

use burn::{nn::DropoutConfig, tensor::backend::Backend};

use super::{
    error::WeightsError,
    layer_weights::{LayerWeights, check_chain},
};
use crate::{cell::RecurrentCell, stack::Stack};

impl<B: Backend, C: RecurrentCell<B>> Stack<B, C> {
    /// Returns a stack of layers with these weights, from the input upwards, each in one or both directions.
    ///
    /// # Errors
    ///
    /// Returns an error if they are the weights of another cell than `C`, if shapes do not agree, or if a layer
    /// does not take what the one below it gives.
    pub fn from_layers(
        layers: Vec<Vec<LayerWeights<B::FloatElem>>>,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        check_chain(&layers)?;
        let cell = |layer: Vec<LayerWeights<_>>| {
            let checked = layer.into_iter().map(LayerWeights::checked);
            C::from_weights(&mut checked.collect::<Result<_, _>>()?, device)
        };
        let layers = layers.into_iter().map(cell);
        let layers = layers.collect::<Result<_, _>>()?;
        Ok(Stack::new(layers, DropoutConfig::new(0.0).init()))
    }

    /// Returns the weights of each layer, from the input upwards, each in one or both directions.
    ///
    /// # Errors
    ///
    /// Returns an error if no other framework has such a layer.
    pub fn to_layers(&self) -> Result<Vec<Vec<LayerWeights<B::FloatElem>>>, WeightsError> {
        let layers = self.layers.iter().zip(0..);
        let weights = |(layer, i): (&C, usize)| {
            layer.to_weights().ok_or_else(|| {
                WeightsError::NotPortable(format!(
                    "layer {i}: its cell cannot be written for other programs"
                ))
            })
        };
        layers.map(weights).collect()
    }
}
