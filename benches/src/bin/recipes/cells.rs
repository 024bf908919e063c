//! The cells to compare: some of the crate's, and the LSTM in two combinators.

use burn::{
    module::Module,
    tensor::{Tensor, backend::Backend},
};
use models::{
    Cell, CellOptions, Description, Init, Lengths, Lstm, LstmState, RecurrentCell,
    VariationalDropout, VariationalDropoutConfig, Zoneout, ZoneoutConfig, fused::Input,
    lstm::DESCRIPTION,
};

models::cells! {
    /// The kinds.
    pub enum RecipeKind;
    /// A cell.
    pub enum RecipeCell;
    /// Its state.
    pub enum RecipeState;

    Lstm = models::lstm::{Lstm, LstmState, DESCRIPTION},
    Gru = models::gru::{Gru, GruState, DESCRIPTION},
    CoupledLstm = models::coupled_lstm::{CoupledLstm, LstmState, DESCRIPTION},
    Rnn = models::rnn::{Rnn, RnnState, DESCRIPTION},
    VariationalLstm = crate::cells::{VariationalLstm, LstmState, VARIATIONAL_LSTM},
    ZoneoutLstm = crate::cells::{ZoneoutLstm, LstmState, ZONEOUT_LSTM},
}

/// Makes a cell of an [`Lstm`] in a combinator.
macro_rules! cell_with {
    ($Cell:ident: $Combinator:ident, $description:ident = $name:literal, $config:expr) => {
        const $description: Description = Description {
            name: $name,
            title: stringify!($Cell),
            ..DESCRIPTION
        };

        #[doc = concat!("[`", stringify!($Combinator), "`] of an [`Lstm`].")]
        #[derive(Module, Debug)]
        pub struct $Cell<B: Backend> {
            cell: $Combinator<B, Lstm<B>>,
        }

        impl<B: Backend> RecurrentCell<B> for $Cell<B> {
            type State = LstmState<B>;

            fn initial_state(&self, batch: usize) -> LstmState<B> {
                self.cell.initial_state(batch)
            }

            fn step(&self, x: Tensor<B, 2>, state: LstmState<B>) -> (Tensor<B, 2>, LstmState<B>) {
                self.cell.step(x, state)
            }

            fn sequence(
                &self,
                input: Tensor<B, 3>,
                lengths: Option<&Lengths>,
                state: LstmState<B>,
            ) -> (Tensor<B, 3>, LstmState<B>) {
                self.cell.sequence(input, lengths, state)
            }

            fn by_kernels(
                &self,
                input: &Input<B>,
                table: Option<&dyn Fn(Tensor<B, 2>) -> Tensor<B, 2>>,
                lengths: Option<&Lengths>,
                state: &LstmState<B>,
            ) -> Option<(Tensor<B, 3>, LstmState<B>)> {
                self.cell.by_kernels(input, table, lengths, state)
            }
        }

        impl<B: Backend> Cell<B> for $Cell<B> {
            type Kind = ();

            fn description((): ()) -> &'static Description {
                &$description
            }

            fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
                let lstm = Lstm::init((), options, init);
                $Cell {
                    cell: $config.init(lstm),
                }
            }
        }
    };
}

cell_with!(
    VariationalLstm: VariationalDropout,
    VARIATIONAL_LSTM = "variational_lstm",
    VariationalDropoutConfig::new().with_output(0.25)
);
cell_with!(
    ZoneoutLstm: Zoneout,
    ZONEOUT_LSTM = "zoneout_lstm",
    ZoneoutConfig::new().with_hidden(0.1).with_cell(0.1)
);
