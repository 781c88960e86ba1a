//! The problems and estimators of a bench that a request names.

use super::{Bench, ProblemRow};
use crate::program::distinct::distinct;
use crate::program::suggestion::choices;
use crate::program::usage_error::usage_error;

impl Bench {
    /// The problem called `name`.
    ///
    /// # Errors
    /// If there is none, with the choices.
    fn problem(&self, name: &str) -> anyhow::Result<ProblemRow> {
        self.problems.iter().find(|problem| problem.name == *name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.problems.iter().map(|problem| &*problem.name).collect();
            let choices = choices(name, &names);
            usage_error(format!(
                "unknown problem `{name}`: {choices}; `compare` also takes run:DIR"
            ))
        })
    }

    /// The names of all estimators that are studied on problems or left out there with a reason, each once.
    fn estimators(&self) -> Vec<&str> {
        distinct(self.problems.iter().flat_map(|problem| {
            let studied = problem.pairs.iter().map(|pair| &*pair.name);
            studied.chain(problem.left_out.iter().map(|(name, _)| &**name))
        }))
    }

    /// The problem of that name, or all, with the estimators of these names, or all; problems that have no estimator left
    /// are dropped.
    ///
    /// # Errors
    /// If no problem knows a name, or none of the estimators is studied on any of the problems.
    pub(crate) fn chosen(
        &self,
        problem: Option<&str>,
        estimators: Option<&[String]>,
    ) -> anyhow::Result<Vec<ProblemRow>> {
        let mut problems = match problem {
            Some(name) => vec![self.problem(name)?],
            None => self.problems.clone(),
        };
        let Some(names) = estimators else { return Ok(problems) };
        let known = self.estimators();
        // The name of a family stands for all its members.
        let members = |name: &String| match self.families.iter().find(|family| family.0 == **name) {
            Some((_, members)) if !known.contains(&name.as_str()) => {
                let members = members.iter().filter(|member| known.contains(&&***member));
                members.map(ToString::to_string).collect()
            }
            _ => vec![name.clone()],
        };
        let names: Vec<String> = names.iter().flat_map(members).collect();
        if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
            let choices = choices(name, &known);
            return Err(usage_error(format!("unknown estimator `{name}`: {choices}")));
        }
        let asked = |name: &str| names.iter().any(|one| one == name);
        let mut reasons = Vec::new();
        for problem in &mut problems {
            problem.pairs.retain(|pair| asked(&pair.name));
            let left_out = problem.left_out.iter().filter(|(name, _)| asked(name));
            reasons
                .extend(left_out.map(|(form, why)| format!("\n{form} on {}: {why}", problem.name)));
        }
        problems.retain(|problem| !problem.pairs.is_empty());
        if problems.is_empty() {
            let studied = |row: &&ProblemRow| row.pairs.iter().any(|pair| asked(&pair.name));
            let others: Vec<&str> =
                self.problems.iter().filter(studied).map(|row| &*row.name).collect();
            let others = if others.is_empty() { "no problem".into() } else { others.join(", ") };
            return Err(usage_error(format!(
                "none of these estimators fits the problem; they are studied on {others}{}",
                reasons.concat()
            )));
        }
        Ok(problems)
    }
}
