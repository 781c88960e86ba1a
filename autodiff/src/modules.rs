//! Lists of modules that grow: one row adds a file.

/// Declares private modules, one row each. Other crates of the workspace use it too.
///
/// * `modules! { normal: Normal; }` is `mod normal; pub use normal::Normal;`.
/// * `modules! { pub static SOURCES: &[&SourceKind] = { bars: SOURCE; } }` is `mod bars;` and the table
///   `&[&bars::SOURCE]`.
///
/// A row may have attributes, such as `#[cfg(feature = "files")]`.
#[doc(hidden)]
#[macro_export]
macro_rules! modules {
    (
        $(#[$doc:meta])*
        $visibility:vis static $table:ident: &[&$row:ty] = {
            $($(#[$attribute:meta])* $module:ident: $item:ident;)*
        }
    ) => {
        $($(#[$attribute])* mod $module;)*

        $(#[$doc])*
        $visibility static $table: &[&$row] = &[$($(#[$attribute])* &$module::$item),*];
    };
    ($($(#[$attribute:meta])* $module:ident: $($item:ident),+;)*) => {
        $(
            $(#[$attribute])* mod $module;
            $(#[$attribute])* pub use $module::{$($item),+};
        )*
    };
}
