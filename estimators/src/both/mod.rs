//! Estimators that use both the path and the score, or neither: coupled draws, control variates along the path,
//! relaxed bits, sums over one bit at a time, and differences of two means.

pathscore_autodiff::modules! {
    antithetic: Arm, Coupling, DisArm, Pair;
    concrete: Concrete, StraightThrough;
    local: LocalExpectation;
    many: Many;
    measure: MeasureValued;
    per_node: PerNode;
    rebar: Rebar;
    relax: Relax;
    strategy: Choice, Strategy, Unfit;
}

mod noise;
