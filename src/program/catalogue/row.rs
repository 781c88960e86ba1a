//! A row of the catalogue: one estimator with its name, its options and how it is made for a model.

use super::options::{OptionRow, Options, Value};
use crate::program::bench::Words;
use crate::program::usage_error::usage_error;
use pathscore::autodiff::Scalar;
use pathscore::estimators::Estimator;
use pathscore::models::Params;
use pathscore::models::dist::Kind;
use rand_xoshiro::Xoshiro256PlusPlus;

/// The facts about an estimator that do not depend on the model.
#[derive(Debug)]
pub(crate) struct About {
    /// The name on the command line of `train`.
    pub(crate) name: &'static str,
    /// The description in one line.
    pub(crate) line: &'static str,
    /// The paper.
    pub(crate) source: &'static str,
    /// The end of the sentence "choose it when …".
    pub(crate) choose: &'static str,
    /// The options of the estimator.
    pub(crate) options: &'static [&'static OptionRow],
    /// The default number of samples $K$ for each row.
    pub(crate) samples: usize,
    /// True if it always takes `samples` samples, as a quadrature has its own number of nodes.
    pub(crate) fixed_samples: bool,
    /// True if it is for a single layer of bits: a posterior of several layers has the right type, but the
    /// estimator takes its bits as independent.
    pub(crate) one_layer: bool,
    /// True if one gradient takes a number of evaluations that grows with the number of latents.
    pub(crate) each_latent: bool,
    /// The quantity that a criterion of energy models reports while it trains.
    pub(crate) reported: Reported,
    /// True if ln Z is a parameter of its own, which begins at an estimate.
    pub(crate) learns_log_partition: bool,
    /// True if its state is rows of chains by dynamics, which samples can go on from.
    pub(crate) keeps_chains: bool,
    /// The forms in which `compare` and `check` study it; if there are none, it has one form under its own name.
    pub(crate) variants: &'static [Variant],
    /// The problems on which none of its forms is studied although it would fit.
    pub(crate) skips: &'static [Skip],
}

/// The quantity that a criterion of energy models reports while it trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// A criterion of its own.
    Criterion,
    /// ln p(x), by a sum over all terms of Z.
    LogLikelihood,
    /// The mean free energy of chains less that of the data.
    FreeEnergyDifference,
}

impl Reported {
    /// The key in `metrics.jsonl`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Criterion => "train/criterion",
            Self::LogLikelihood => "train/log_likelihood",
            Self::FreeEnergyDifference => "train/free_energy_difference",
        }
    }
}

/// A form of an estimator that `compare` and `check` study under a name of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    /// The description in one line.
    pub(crate) line: &'static str,
    /// The paper; empty if it is that of the estimator.
    pub(crate) source: &'static str,
    /// The options that make it this form.
    pub(crate) options: &'static [(&'static OptionRow, Value)],
    /// Further options on the small problems, where other values than the defaults are of use.
    pub(crate) on_problems: &'static [(&'static OptionRow, Value)],
    /// Options on single problems, named first, in place of those on all.
    pub(crate) on_problem: &'static [(&'static str, &'static OptionRow, Value)],
    /// The problems or runs on which this form is studied.
    pub(crate) place: Place,
    /// The problems on which this form is not studied although it would fit.
    pub(crate) skips: &'static [Skip],
}

/// The problems or runs on which a form of an estimator is studied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On problems and on runs.
    Everywhere,
    /// On problems whose gradient is known.
    Problems,
    /// On the model of a run (`compare --problem run:DIR`).
    Runs,
}

/// Problems that are left out, and the reason.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skip {
    pub(crate) problems: &'static [&'static str],
    pub(crate) why: &'static str,
}

impl About {
    /// An estimator without options for the ELBO with one sample; rows name the differences.
    pub(crate) const DEFAULT: Self = Self {
        name: "",
        line: "",
        source: "",
        choose: "",
        options: &[],
        samples: 1,
        fixed_samples: false,
        one_layer: false,
        each_latent: false,
        reported: Reported::Criterion,
        learns_log_partition: false,
        keeps_chains: false,
        variants: &[],
        skips: &[],
    };

    /// The forms of the estimator: the variants, or the estimator itself if there are none.
    pub(crate) fn forms(&self) -> Vec<Variant> {
        if self.variants.is_empty() {
            let &Self { name, line, source, .. } = self;
            return vec![Variant { name, line, source, ..Variant::DEFAULT }];
        }
        let inherit = |form: &Variant| {
            let source = if form.source.is_empty() { self.source } else { form.source };
            Variant { source, ..*form }
        };
        self.variants.iter().map(inherit).collect()
    }

    /// The values of the options: those that are given, and defaults for the others.
    ///
    /// # Errors
    /// If it does not have an option that is given, or another choice leaves the option without effect.
    pub(crate) fn options(&self, given: &[(&str, Value)]) -> anyhow::Result<Options> {
        Options::of(self.name, self.options, given)
    }

    /// Reads options from text, as `run.toml` and the command line have them.
    ///
    /// # Errors
    /// As [`About::options`], and if a value is not one that the option takes.
    pub(crate) fn parse(&self, given: &[(String, String)]) -> anyhow::Result<Options> {
        let mut values = Vec::new();
        for (name, text) in given {
            let row = self.options.iter().find(|row| row.name == name);
            // An option of other estimators is refused below, whatever its value.
            let value = row.map_or(Ok(Value::Choice("")), |row| row.parse(text));
            values.push((name.as_str(), value.map_err(usage_error)?));
        }
        self.options(&values)
    }

    /// Refuses several layers of latents where the estimator is for one.
    ///
    /// # Errors
    /// If it is for one layer and there are more.
    pub(crate) fn check_layers(&self, layers: &[usize]) -> anyhow::Result<()> {
        if self.one_layer && layers.len() > 1 {
            let (name, count) = (self.name, layers.len());
            return Err(usage_error(format!(
                "{name} takes the bits of the posterior as independent, so it is for one layer of bits, and \
                 there are {count}; of several layers try nvil or vimco"
            )));
        }
        Ok(())
    }
}

impl Variant {
    /// The name, the line and the source.
    pub(super) fn words(&self) -> [Words; 3] {
        [self.name.into(), self.line.into(), self.source.into()]
    }

    /// A form without options of its own that is studied everywhere; rows name the differences.
    pub(crate) const DEFAULT: Self = Self {
        name: "",
        line: "",
        source: "",
        options: &[],
        on_problems: &[],
        on_problem: &[],
        place: Place::Everywhere,
        skips: &[],
    };

    /// The options that differ from the defaults on a problem.
    pub(crate) fn options_on(&self, problem: &str) -> Vec<(&'static str, Value)> {
        let here = self.on_problem.iter().filter(|one| one.0 == problem);
        let here: Vec<_> = here.map(|(_, row, value)| (row.name, *value)).collect();
        let all = self.options.iter().chain(self.on_problems);
        let other = |one: &(&str, Value)| here.iter().all(|own| own.0 != one.0);
        all.map(|(row, value)| (row.name, *value))
            .filter(other)
            .chain(here.iter().copied())
            .collect()
    }
}

/// The model for which an estimator is made, as far as estimators with parameters of their own ask.
#[derive(Debug)]
pub(crate) struct Setup<F: Scalar> {
    /// The parameters of the model; the estimator adds its own behind them.
    pub(crate) params: Params<F>,
    /// The columns of the data.
    pub(crate) columns: usize,
    /// The widths of the layers of latents, nearest the data first.
    pub(crate) layers: Vec<usize>,
    /// The kinds of the nodes of the posterior, where they differ.
    pub(crate) nodes: Vec<Kind>,
    /// The means of the columns of the data.
    pub(crate) means: Vec<f64>,
    /// About $\ln Z$ of an energy model, for estimators that have it as a parameter; zero for other models.
    pub(crate) log_partition: f64,
    /// The source of the initial values of the estimator's own parameters.
    pub(crate) rng: Xoshiro256PlusPlus,
}

/// Work that is done with an estimator once its type is known: training, drawing gradients, a proof.
pub(crate) trait Job<F: Scalar, M> {
    /// The result of the work.
    type Output;

    /// Does the work; behind the parameters of the model `params` holds those of the estimator.
    fn run<E>(self, params: Params<F>, estimator: E) -> Self::Output
    where
        E: Estimator<F, M> + Clone + Send + Sync + 'static;
}

/// An estimator that fits models of type `M`.
pub(crate) struct Row<F: Scalar, M, J: Job<F, M>> {
    /// The facts about it.
    pub(crate) about: &'static About,
    make: Make<F, M, J>,
}

/// Makes an estimator with these options for a model and does a job with it.
type Make<F, M, J> = fn(&Options, Setup<F>, J) -> <J as Job<F, M>>::Output;

impl<F: Scalar, M, J: Job<F, M>> Clone for Row<F, M, J> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Scalar, M, J: Job<F, M>> Copy for Row<F, M, J> {}

impl<F: Scalar, M, J: Job<F, M>> Row<F, M, J> {
    /// A row from its parts.
    pub(crate) fn new(about: &'static About, make: Make<F, M, J>) -> Self {
        Self { about, make }
    }

    /// Makes the estimator and does the job with it.
    pub(crate) fn run(&self, options: &Options, setup: Setup<F>, job: J) -> J::Output {
        (self.make)(options, setup, job)
    }
}

/// The rows of several capabilities together.
pub(crate) fn rows_of<F: Scalar, M, J: Job<F, M>, const N: usize>(
    groups: [Vec<Row<F, M, J>>; N],
) -> Vec<Row<F, M, J>> {
    groups.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::super::all::estimators;
    use super::*;

    fn about(name: &str) -> &'static About {
        estimators().into_iter().find(|about| about.name == name).expect("it is in the catalogue")
    }

    fn refusal(name: &str, given: &[(&str, &str)]) -> String {
        let given: Vec<_> = given.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        about(name).parse(&given).expect_err("it has no effect").to_string()
    }

    #[test]
    fn an_option_that_the_estimator_does_not_have_is_refused_with_its_own() {
        assert_eq!(
            refusal("sgvb", &[("alpha", "0.5")]),
            "--alpha has no effect with the estimator sgvb, whose own options are: --kl"
        );
        assert!(refusal("local", &[("temperature", "1")]).ends_with("own options are: none"));
    }

    #[test]
    fn an_option_of_another_choice_is_refused_with_the_choice_it_goes_with() {
        assert_eq!(
            refusal("reinforce", &[("baseline", "none"), ("baseline-decay", "0.5")]),
            "--baseline-decay has no effect with --baseline none: it goes with --baseline running-mean or optimal"
        );
        // The default is leave-one-out.
        assert!(refusal("reinforce", &[("baseline-value", "1")]).contains("leave-one-out"));
    }

    #[test]
    fn a_value_outside_its_range_is_refused_with_the_range() {
        assert_eq!(
            refusal("wake-sleep", &[("wake", "1.5")]),
            "--wake is 1.5; it must be at least 0 and at most 1"
        );
        assert!(refusal("tvo", &[("points", "0")]).ends_with("a whole number, 1 or more"));
        assert!(refusal("sgvb", &[("kl", "x")]).ends_with("one of analytic, sampled"));
    }

    #[test]
    fn options_hold_what_is_given_and_defaults_of_what_has_an_effect() {
        let values = |name: &str, given: &[(String, String)]| {
            let options = about(name).parse(given).expect("the options are its own");
            options.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>()
        };
        let constant = [("baseline".to_string(), "constant".to_string())];
        assert_eq!(values("reinforce", &constant), ["baseline constant", "baseline-value 0"]);
        assert_eq!(values("reinforce", &[]), ["baseline leave-one-out"]);
        assert_eq!(values("rebar", &[]), ["temperature 0.5"]);
        assert!(values("straight-through", &[]).is_empty());
    }

    #[test]
    fn an_estimator_of_one_layer_refuses_two() {
        assert!(about("rebar").check_layers(&[200]).is_ok());
        assert!(about("rebar").check_layers(&[200, 200]).is_err());
        assert!(about("vimco").check_layers(&[200, 200]).is_ok());
    }

    #[test]
    fn every_form_has_options_of_its_estimator_and_a_name_of_its_own() {
        let mut names = Vec::new();
        for about in estimators() {
            for form in about.forms() {
                for problem in [""].into_iter().chain(form.on_problem.iter().map(|one| one.0)) {
                    let given = form.options_on(problem);
                    about.options(&given).expect("a form's options are its estimator's");
                }
                assert!(!names.contains(&form.name), "{} is there twice", form.name);
                names.push(form.name);
            }
        }
    }
}
