//! Estimators along the path of a sample.

pathscore_autodiff::modules! {
    dreg: Dreg;
    iwae: Iwae;
    renyi: Renyi;
    sgvb: Sgvb, SgvbKl;
    stl: StickingTheLanding;
}
