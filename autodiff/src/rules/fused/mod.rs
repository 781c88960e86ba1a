//! Kernels that do the work of several ops at once.
//!
//! Each has four functions: `shape`; `forward`; `reverse`, which adds to the adjoints of the arguments; and `define`,
//! its definition in elementary ops. Tests compare the kernel with the definition. Where a gradient is recorded, the
//! definition is recorded and differentiated instead, so that second derivatives need no further function.
//!
//! A kernel is one file here and one row of the list in `tape/op/fused.rs`. The row declares the module, so `cargo fmt`
//! does not find the file: format it by its name.

mod axis;
mod rows;
mod scan;

use crate::tape::engine::Scalar;
use crate::tape::op::fused::{Fused, fused};
use crate::tape::record::Kernel;

/// Declares the module of each kernel, gives the kernel its name, and lends kernels out.
macro_rules! fused_modules {
    ($($(#[$doc:meta])* $module:ident: $name:ident { $($field:ident: $type:ty),* })*) => {
        $(mod $module;)*

        $(impl $module::$name {
            const NAME: &'static str = stringify!($module);
        })*

        /// Calls `f` with the kernel.
        pub(crate) fn with<F: Scalar, R>(fused: Fused, f: impl FnOnce(&dyn Kernel<F>) -> R) -> R {
            match fused {
                $(Fused::$name { $($field),* } => f(&$module::$name { $($field),* }),)*
            }
        }

        /// The name of every kernel, and the examples on which tests try it.
        #[cfg(test)]
        pub(crate) const EXAMPLES: &[(&str, &[crate::tape::op::fused::Example])] =
            &[$((stringify!($module), $module::EXAMPLES)),*];
    };
}
fused!(fused_modules);
