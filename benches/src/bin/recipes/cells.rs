//! The cells to compare: some of the crate's, and the GRU in two combinators.

use burn::{
    module::Module,
    tensor::{Tensor, backend::Backend},
};
use models::{
    Cell, CellOptions, Description, Gru, GruState, Init, Lengths, RecurrentCell, Reset,
    VariationalDropout, VariationalDropoutConfig, Zoneout, ZoneoutConfig, fused::Input,
    gru::DESCRIPTION,
};

models::cells! {
    /// The kinds.
    pub enum RecipeKind;
    /// A cell.
    pub enum RecipeCell;
    /// Its state.
    pub enum RecipeState;

    Gru = models::gru::{Gru, GruState, DESCRIPTION},
    Lstm = models::lstm::{Lstm, LstmState, DESCRIPTION},
    CoupledLstm = models::coupled_lstm::{CoupledLstm, LstmState, DESCRIPTION},
    Rnn = models::rnn::{Rnn, RnnState, DESCRIPTION},
    VariationalGru = crate::cells::{VariationalGru, GruState, VARIATIONAL_GRU},
    ZoneoutGru = crate::cells::{ZoneoutGru, GruState, ZONEOUT_GRU},
}

/// Makes a cell of a [`Gru`] in a combinator.
macro_rules! cell_with {
    ($Cell:ident: $Combinator:ident, $description:ident = $name:literal, $config:expr) => {
        const $description: Description = Description {
            name: $name,
            title: stringify!($Cell),
            ..DESCRIPTION
        };

        #[doc = concat!("[`", stringify!($Combinator), "`] of a [`Gru`].")]
        #[derive(Module, Debug)]
        pub struct $Cell<B: Backend> {
            cell: $Combinator<B, Gru<B>>,
        }

        impl<B: Backend> RecurrentCell<B> for $Cell<B> {
            type State = GruState<B>;

            fn initial_state(&self, batch: usize) -> GruState<B> {
                self.cell.initial_state(batch)
            }

            fn step(&self, x: Tensor<B, 2>, state: GruState<B>) -> (Tensor<B, 2>, GruState<B>) {
                self.cell.step(x, state)
            }

            fn sequence(
                &self,
                input: Tensor<B, 3>,
                lengths: Option<&Lengths>,
                state: GruState<B>,
            ) -> (Tensor<B, 3>, GruState<B>) {
                self.cell.sequence(input, lengths, state)
            }

            fn by_kernels(
                &self,
                input: &Input<B>,
                table: Option<&dyn Fn(Tensor<B, 2>) -> Tensor<B, 2>>,
                lengths: Option<&Lengths>,
                state: &GruState<B>,
            ) -> Option<(Tensor<B, 3>, GruState<B>)> {
                self.cell.by_kernels(input, table, lengths, state)
            }
        }

        impl<B: Backend> Cell<B> for $Cell<B> {
            type Kind = ();

            fn description((): ()) -> &'static Description {
                &$description
            }

            fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
                let gru = Gru::init(Reset::AfterProduct, options, init);
                $Cell {
                    cell: $config.init(gru),
                }
            }
        }
    };
}

cell_with!(
    VariationalGru: VariationalDropout,
    VARIATIONAL_GRU = "variational_gru",
    VariationalDropoutConfig::new().with_output(0.4)
);
cell_with!(
    ZoneoutGru: Zoneout,
    ZONEOUT_GRU = "zoneout_gru",
    ZoneoutConfig::new().with_hidden(0.1)
);
