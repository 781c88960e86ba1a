//! The list of fused kernels.
//!
//! A fused kernel is one file, `rules/fused/NAME.rs`, and one row of this list. The file holds the kernel (a struct
//! with the fields of the row), its definition in elementary ops, the shapes on which tests try it, and the
//! method of [`Var`](crate::Var). The row makes the variant of [`Fused`], its name, the module and the dispatch.

use crate::numbers::ops::Unary;

/// Hands the rows to a reader: `/// doc`, then `module: Kernel { fields }`. The name of the module is the name of the
/// op.
macro_rules! fused {
    ($reader:ident) => {
        $reader! {
            /// $f(xW + b)$ over rows: see [`Var::affine`](crate::Var::affine).
            affine: Affine { activation: Activation }
            /// $\sum_j \ln \mathcal N(x_j; \mu_j, e^{2s_j})$ over the last axis: see
            /// [`Var::normal_log_prob`](crate::Var::normal_log_prob).
            normal_log_prob: NormalLogProb {}
            /// $\sum_j \ln \mathrm{Bernoulli}(x_j; \eta_j)$ over the last axis: see
            /// [`Var::bernoulli_log_prob`](crate::Var::bernoulli_log_prob).
            bernoulli_log_prob: BernoulliLogProb {}
            /// $\ln \sum_i e^{x_i}$ over one axis: see [`Var::log_sum_exp`](crate::Var::log_sum_exp).
            log_sum_exp: LogSumExp { axis: u8 }
            /// $\ln \tfrac1n \sum_i e^{x_i}$ over one axis: see [`Var::log_mean_exp`](crate::Var::log_mean_exp).
            log_mean_exp: LogMeanExp { axis: u8 }
            /// $x_i - \ln \sum_j e^{x_j}$ along one axis: see [`Var::log_softmax`](crate::Var::log_softmax).
            log_softmax: LogSoftmax { axis: u8 }
            /// $\prod_i x_i$ over one axis: see [`Var::prod_axis`](crate::Var::prod_axis).
            prod: Prod { axis: u8 }
            /// The largest element over one axis: see [`Var::max_axis`](crate::Var::max_axis).
            max_axis: Max { axis: u8 }
            /// Running sums along one axis: see [`Var::cumsum`](crate::Var::cumsum).
            cumsum: CumSum { axis: u8 }
            /// Running products along one axis: see [`Var::cumprod`](crate::Var::cumprod).
            cumprod: CumProd { axis: u8 }
            /// The divergence of normal distributions over the last axis: see
            /// [`Var::normal_kl`](crate::Var::normal_kl).
            normal_kl: NormalKl {}
            /// $x^\top A x$ over the last axis: see [`Var::quadratic_form`](crate::Var::quadratic_form).
            quadratic_form: QuadraticForm {}
            /// $\Vert x_i - z_j \Vert^2$ between rows: see [`Var::squared_distances`](crate::Var::squared_distances).
            squared_distances: SquaredDistances {}
            /// $\sum_i x_i^2$ over one axis: see [`Var::sum_squares`](crate::Var::sum_squares).
            sum_squares: SumSquares { axis: u8 }
            /// $\sqrt{\sum_i x_i^2}$ over one axis: see [`Var::norm`](crate::Var::norm).
            norm_l2: NormL2 { axis: u8 }
            /// The logits of a neural autoregressive distribution estimator: see [`Var::nade_logits`](crate::Var::nade_logits).
            nade_logits: NadeLogits {}
        }
    };
}
pub(crate) use fused;

/// Writes the enum from the list.
macro_rules! fused_enum {
    ($($(#[$doc:meta])* $module:ident: $name:ident { $($field:ident: $type:ty),* })*) => {
        /// The fused kernels. Where a kernel works along one axis, `axis` is that axis.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "the fields are described above")]
        pub enum Fused { $($(#[$doc])* $name { $($field: $type),* },)* }

        impl Fused {
            /// The name of the kernel.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name { .. } => stringify!($module),)* }
            }
        }
    };
}
fused!(fused_enum);

/// A kernel and the shapes of arguments on which tests try it.
#[cfg(test)]
pub(crate) type Example = (Fused, &'static [&'static [usize]]);

/// The activation after an affine map: an elementwise op whose derivative is a function of its result, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// No activation: $xW + b$.
    #[default]
    Identity,
    /// $\tanh$.
    Tanh,
    /// $\max(x, 0)$.
    Relu,
    /// $1 / (1 + e^{-x})$.
    Sigmoid,
    /// $\ln(1 + e^x)$.
    Softplus,
}

impl Activation {
    /// The elementwise op, if there is one.
    pub fn op(self) -> Option<Unary> {
        match self {
            Self::Identity => None,
            Self::Tanh => Some(Unary::Tanh),
            Self::Relu => Some(Unary::Relu),
            Self::Sigmoid => Some(Unary::Sigmoid),
            Self::Softplus => Some(Unary::Softplus),
        }
    }
}
