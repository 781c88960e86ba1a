//! The incomplete beta function and its derivatives, as ops.

/// The regularised incomplete beta function, or one of its derivatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Beta {
    /// $I_x(a, b)$: see [`Var::beta_inc`](crate::Var::beta_inc).
    Inc,
    /// $\partial I_x(a, b)/\partial a$.
    IncDa,
    /// $\partial I_x(a, b)/\partial b$.
    IncDb,
}

impl Beta {
    /// The op's name, as in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inc => "beta_inc",
            Self::IncDa => "beta_inc_da",
            Self::IncDb => "beta_inc_db",
        }
    }
}
