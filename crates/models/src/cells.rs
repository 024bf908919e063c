//! The list of cells, and a cell chosen from a list at run time.

crate::cells! {
    /// Which cell a layer is.
    ///
    /// ```
    /// use models::CellKind;
    ///
    /// let kind: CellKind = "coupled_lstm".parse()?;
    /// assert_eq!(kind, CellKind::CoupledLstm);
    /// assert_eq!(kind.description().title, "CoupledLstm");
    /// assert_eq!(CellKind::ALL.len(), CellKind::NAMES.len());
    /// # Ok::<(), models::UnknownCell>(())
    /// ```
    #[non_exhaustive]
    pub enum CellKind;
    /// A cell of the crate's list, chosen at run time.
    ///
    /// ```
    /// use burn::tensor::Tensor;
    /// use burn_ndarray::NdArray;
    /// use models::{AnyCell, AnyState, Cell, CellKind, CellOptions, Init, RecurrentCell};
    ///
    /// let mut init = Init::<NdArray>::from_seed(1, &Default::default());
    /// let options = CellOptions::new(3, 8); // d_input 3, d_hidden 8
    /// let cell = AnyCell::init("gru".parse()?, &options, &mut init);
    /// let (y, state) = cell.forward(Tensor::zeros([2, 5, 3], &Default::default()), None);
    /// assert_eq!(y.dims(), [2, 5, 8]);
    /// assert!(matches!(state, AnyState::Gru(_)));
    /// # Ok::<(), models::UnknownCell>(())
    /// ```
    ///
    /// # Panics
    ///
    /// A step or a sequence panics if the state belongs to another kind of cell.
    #[non_exhaustive]
    pub enum AnyCell;
    /// The state of an [`AnyCell`].
    ///
    /// See the example of [`AnyCell`].
    #[non_exhaustive]
    pub enum AnyState;

    Lstm = crate::lstm::{Lstm, LstmState, DESCRIPTION},
    Rnn = crate::rnn::{Rnn, RnnState, DESCRIPTION},
    Gru = crate::gru::{Gru, GruState, DESCRIPTION},
    MinGru = crate::min_gru::{MinGru, MinGruState, DESCRIPTION},
    MinLstm = crate::min_lstm::{MinLstm, MinLstmState, DESCRIPTION},
    CoupledLstm = crate::coupled_lstm::{CoupledLstm, LstmState, DESCRIPTION},
    PeepholeLstm = crate::peephole_lstm::{PeepholeLstm, LstmState, DESCRIPTION},
    ProjectedLstm = crate::projected_lstm::{ProjectedLstm, LstmState, DESCRIPTION},
    LayerNormLstm = crate::layer_norm_lstm::{LayerNormLstm, LstmState, DESCRIPTION},
    OriginalGru = crate::gru::{Gru, GruState, ORIGINAL, crate::gru::Reset::BeforeProduct},
    Irnn = crate::rnn::{Rnn, RnnState, IRNN, crate::rnn::Activation::Relu},
}

/// Makes a list of cells: an enum of kinds, an enum of cells, and an enum of their states. The enum of cells
/// is itself a [`Cell`](crate::Cell) and delegates to the one it holds. The first kind is the default.
///
/// The crate's own list is [`CellKind`](crate::CellKind), [`AnyCell`](crate::AnyCell) and
/// [`AnyState`](crate::AnyState). A list of your own may hold your cells beside these; a
/// [`Stack`](crate::Stack), a [`CharLm`](crate::CharLm) and a training run accept it like the crate's own.
/// Each line names the module of a cell and, in it, the type, the type of the state, and the
/// [`Description`](crate::Description); last comes the [`Kind`](crate::Cell::Kind), unless it is the default.
///
/// ```
/// use models::{CharLmConfig, Init};
///
/// models::cells! {
///     /// Which cell.
///     pub enum Kind;
///     /// A cell.
///     pub enum MyCell;
///     /// The state of a cell.
///     pub enum MyState;
///
///     Lstm = models::lstm::{Lstm, LstmState, DESCRIPTION},
///     Rnn = models::rnn::{Rnn, RnnState, DESCRIPTION},
/// }
///
/// type B = burn_ndarray::NdArray;
/// let mut init = Init::from_seed(1, &Default::default());
/// let model = CharLmConfig::new(65).init_of::<B, MyCell<B>>(Kind::Rnn, &mut init);
/// assert!(matches!(model.stack.layers[0], MyCell::Rnn(_)));
/// assert_eq!(Kind::Rnn.to_string(), "rnn");
/// assert_eq!("lstm".parse(), Ok(Kind::Lstm));
/// ```
#[macro_export]
macro_rules! cells {
    (@kind) => { Default::default() };
    (@kind $kind:expr) => { $kind };
    (
        $(#[$kind_doc:meta])* pub enum $Kind:ident;
        $(#[$any_doc:meta])* pub enum $Any:ident;
        $(#[$state_doc:meta])* pub enum $State:ident;

        $($Name:ident = $($module:ident)::+::{
            $Cell:ident, $CellState:ident, $description:ident $(, $of_kind:expr)?
        },)+
    ) => {
        $(#[$kind_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Kind {
            $(
                #[doc = concat!("The cell `", stringify!($Name), "`.")]
                $Name,
            )+
        }

        impl $Kind {
            /// All kinds, in the order of the list.
            pub const ALL: [$Kind; [$(stringify!($Name)),+].len()] = [$($Kind::$Name),+];
            /// Their names.
            pub const NAMES: &'static [&'static str] = &[$($($module)::+::$description.name),+];

            /// Describes the cell.
            pub fn description(self) -> &'static $crate::Description {
                match self {
                    $($Kind::$Name => &$($module)::+::$description,)+
                }
            }
        }

        impl Default for $Kind {
            fn default() -> Self {
                $Kind::ALL[0]
            }
        }

        impl ::std::fmt::Display for $Kind {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.description().name)
            }
        }

        impl ::std::str::FromStr for $Kind {
            type Err = $crate::UnknownCell;

            fn from_str(name: &str) -> Result<Self, $crate::UnknownCell> {
                let kind = $Kind::ALL.into_iter().find(|kind| kind.description().name == name);
                kind.ok_or_else(|| $crate::UnknownCell::new(name, $Kind::NAMES))
            }
        }

        impl ::burn::serde::Serialize for $Kind {
            fn serialize<S: ::burn::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.description().name)
            }
        }

        impl<'de> ::burn::serde::Deserialize<'de> for $Kind {
            fn deserialize<D: ::burn::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let name = <String as ::burn::serde::Deserialize>::deserialize(from)?;
                let unknown = |_| ::burn::serde::de::Error::unknown_variant(&name, $Kind::NAMES);
                name.parse().map_err(unknown)
            }
        }

        $(#[$any_doc])*
        #[derive(::burn::module::Module, Debug)]
        pub enum $Any<B: ::burn::tensor::backend::Backend> {
            $(
                #[doc = concat!("[`", stringify!($Kind), "::", stringify!($Name), "`]")]
                $Name($($module)::+::$Cell<B>),
            )+
        }

        $(#[$state_doc])*
        #[derive(Clone, Debug)]
        pub enum $State<B: ::burn::tensor::backend::Backend> {
            $(
                #[doc = concat!("[`", stringify!($Kind), "::", stringify!($Name), "`]")]
                $Name($($module)::+::$CellState<B>),
            )+
        }

        impl<B: ::burn::tensor::backend::Backend> $crate::RecurrentState<B> for $State<B> {
            fn map(
                self,
                f: &mut impl FnMut(&str, ::burn::tensor::Tensor<B, 2>) -> ::burn::tensor::Tensor<B, 2>,
            ) -> Self {
                match self {
                    $($State::$Name(state) => $State::$Name($crate::RecurrentState::map(state, f)),)+
                }
            }
        }

        impl<B: ::burn::tensor::backend::Backend> $crate::RecurrentCell<B> for $Any<B> {
            type State = $State<B>;

            fn initial_state(&self, batch: usize) -> $State<B> {
                match self {
                    $($Any::$Name(cell) => $State::$Name($crate::RecurrentCell::initial_state(cell, batch)),)+
                }
            }

            fn step(
                &self,
                x: ::burn::tensor::Tensor<B, 2>,
                state: $State<B>,
            ) -> (::burn::tensor::Tensor<B, 2>, $State<B>) {
                match (self, state) {
                    $(($Any::$Name(cell), $State::$Name(state)) => {
                        let (y, state) = $crate::RecurrentCell::step(cell, x, state);
                        (y, $State::$Name(state))
                    })+
                    #[allow(unreachable_patterns)]
                    _ => panic!("the state belongs to another kind of cell than the layer"),
                }
            }

            fn sequence(
                &self,
                input: ::burn::tensor::Tensor<B, 3>,
                lengths: Option<&$crate::Lengths>,
                state: $State<B>,
            ) -> (::burn::tensor::Tensor<B, 3>, $State<B>) {
                match (self, state) {
                    $(($Any::$Name(cell), $State::$Name(state)) => {
                        let (y, state) = $crate::RecurrentCell::sequence(cell, input, lengths, state);
                        (y, $State::$Name(state))
                    })+
                    #[allow(unreachable_patterns)]
                    _ => panic!("the state belongs to another kind of cell than the layer"),
                }
            }

            fn kernel_layers(&self) -> Option<Vec<$crate::fused::KernelLayer<B>>> {
                match self {
                    $($Any::$Name(cell) => $crate::RecurrentCell::kernel_layers(cell),)+
                }
            }

            fn to_weights(
                &self,
            ) -> Option<Vec<$crate::weights::LayerWeights<B::FloatElem>>> {
                match self {
                    $($Any::$Name(cell) => $crate::RecurrentCell::to_weights(cell),)+
                }
            }

            fn from_weights(
                weights: &mut Vec<$crate::weights::LayerWeights<B::FloatElem>>,
                device: &B::Device,
            ) -> Result<Self, $crate::weights::WeightsError> {
                $(
                    type $Name<B> = $($module)::+::$Cell<B>;
                    let cell = <$Name<B> as $crate::RecurrentCell<B>>::from_weights(weights, device);
                    let kind = $crate::cells!(@kind $($of_kind)?);
                    match cell {
                        Ok(cell) if $crate::Cell::kind(&cell) == kind => return Ok($Any::$Name(cell)),
                        // Of the same type and another kind, which follows.
                        Ok(cell) => weights.extend($crate::RecurrentCell::to_weights(&cell).into_iter().flatten()),
                        Err(_) => {}
                    }
                )+
                Err($crate::weights::of_another_cell(weights))
            }
        }

        impl<B: ::burn::tensor::backend::Backend> $crate::Cell<B> for $Any<B> {
            type Kind = $Kind;

            fn description(kind: $Kind) -> &'static $crate::Description {
                kind.description()
            }

            fn kind(&self) -> $Kind {
                match self {
                    $($Any::$Name(_) => $Kind::$Name,)+
                }
            }

            fn init(kind: $Kind, options: &$crate::CellOptions, init: &mut $crate::Init<B>) -> Self {
                match kind {
                    $($Kind::$Name => {
                        let kind = $crate::cells!(@kind $($of_kind)?);
                        $Any::$Name($crate::Cell::init(kind, options, init))
                    })+
                }
            }
        }
    };
}

/// The error for a name that no cell of a list has.
///
/// ```
/// use models::CellKind;
///
/// let error = "lsmt".parse::<CellKind>().unwrap_err();
/// assert!(error.to_string().starts_with("no cell \"lsmt\"; there is lstm, rnn, gru"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCell {
    name: String,
    known: &'static [&'static str],
}

impl UnknownCell {
    /// Returns the error for `name`, which is not among the names `known` of the list.
    pub fn new(name: &str, known: &'static [&'static str]) -> Self {
        UnknownCell {
            name: name.to_owned(),
            known,
        }
    }
}

impl std::fmt::Display for UnknownCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "no cell {:?}; there is {}",
            self.name,
            self.known.join(", ")
        )
    }
}

impl std::error::Error for UnknownCell {}
