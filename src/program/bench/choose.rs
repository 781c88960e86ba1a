//! The problems and estimators of a bench that a request names.

use super::{Bench, ProblemRow};
use crate::program::distinct::distinct;
use crate::program::suggestion::choices;
use crate::program::usage_error::usage_error;

impl Bench {
    /// The problem called `name`.
    ///
    /// # Errors
    /// If there is none, with the choices and, behind them, what else there is to choose.
    fn problem(&self, name: &str, further: &str) -> anyhow::Result<ProblemRow> {
        self.problems.iter().find(|problem| problem.name == *name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.problems.iter().map(|problem| &*problem.name).collect();
            let choices = choices(name, &names);
            usage_error(format!("unknown problem `{name}`: {choices}{further}"))
        })
    }

    /// The names of all estimators that are studied on problems or left out there with a reason, each once.
    pub(crate) fn estimators(&self) -> Vec<&str> {
        distinct(self.problems.iter().flat_map(|problem| {
            let studied = problem.pairs.iter().map(|pair| &*pair.name);
            studied.chain(problem.left_out.iter().map(|(name, _)| &**name))
        }))
    }

    /// The problem of that name, or all, with the estimators of these lists of names, or all; problems that have no estimator left
    /// are dropped. `further` tells what the command takes in place of a problem.
    ///
    /// # Errors
    /// If no problem knows a name, none of the estimators is studied on any of the problems, or there are no estimators.
    pub(crate) fn chosen(
        &self,
        problem: Option<&str>,
        estimators: Option<&[String]>,
        further: &str,
    ) -> anyhow::Result<Vec<ProblemRow>> {
        let mut problems = match problem {
            Some(name) => vec![self.problem(name, further)?],
            None => self.problems.clone(),
        };
        if problems.iter().all(|problem| problem.pairs.is_empty()) {
            let of = problem.map_or("there are no estimators".into(), |name| {
                format!("there are no estimators of `{name}`")
            });
            return Err(usage_error(format!("{of}: nothing was measured or proven")));
        }
        let Some(lists) = estimators else { return Ok(problems) };
        let known = self.estimators();
        let is_name = |name: &str| {
            known.contains(&name) || self.families.iter().any(|family| family.0 == name)
        };
        let names: Vec<String> = lists.iter().flat_map(|list| names_of(list, is_name)).collect();
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

/// The names in a list with commas between them. A known name may have commas of its own.
pub(crate) fn names_of(list: &str, is_name: impl Fn(&str) -> bool) -> Vec<String> {
    let parts: Vec<&str> = list.split(',').collect();
    let (mut names, mut from) = (Vec::new(), 0);
    while from < parts.len() {
        let joined = |to: usize| parts[from..to].join(",").trim().to_string();
        let known = (from + 1..=parts.len()).rev().find(|&to| is_name(&joined(to)));
        let to = known.unwrap_or(from + 1);
        names.push(joined(to));
        from = to;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::names_of;

    #[test]
    fn commas_stand_between_names_and_in_known_ones() {
        let known = ["a", "a, b", "c,d,e"];
        let of = |list| names_of(list, |name| known.contains(&name));
        assert_eq!(of("a, b"), ["a, b"]);
        assert_eq!(of("a,c,d,e,a, b,x,a"), ["a", "c,d,e", "a, b", "x", "a"]);
        assert_eq!(of(""), [""]);
        assert_eq!(of("c,d"), ["c", "d"]);
    }
}
