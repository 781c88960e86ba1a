//! Score-function estimators, which differentiate $\ln q$ at draws that are constants.

pathscore_autodiff::modules! {
    baseline: Baseline;
    muprop: MuProp;
    nvil: Mode, Nvil;
    optimal: OptimalConstant;
    reinforce: Reinforce;
    tvo: Tvo;
    vimco: Mean, Vimco;
    wake: Wake, WakeSleep;
}
