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
    /// $\partial^2 I_x(a, b)/\partial a^2$.
    IncDaa,
    /// $\partial^2 I_x(a, b)/\partial a \partial b$.
    IncDab,
    /// $\partial^2 I_x(a, b)/\partial b^2$.
    IncDbb,
}

impl Beta {
    /// The function and its derivatives.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 6] =
        [Self::Inc, Self::IncDa, Self::IncDb, Self::IncDaa, Self::IncDab, Self::IncDbb];

    /// The op's name, as in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inc => "beta_inc",
            Self::IncDa => "beta_inc_da",
            Self::IncDb => "beta_inc_db",
            Self::IncDaa => "beta_inc_daa",
            Self::IncDab => "beta_inc_dab",
            Self::IncDbb => "beta_inc_dbb",
        }
    }

    /// The derivatives with respect to $a$ and $b$, as far as they are functions of their own.
    pub(crate) fn slopes(self) -> Option<[Self; 2]> {
        match self {
            Self::Inc => Some([Self::IncDa, Self::IncDb]),
            Self::IncDa => Some([Self::IncDaa, Self::IncDab]),
            Self::IncDb => Some([Self::IncDab, Self::IncDbb]),
            Self::IncDaa | Self::IncDab | Self::IncDbb => None,
        }
    }
}
