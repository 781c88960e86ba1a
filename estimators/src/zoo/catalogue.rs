//! All wrong estimators.

use super::specimen::Specimen;
use super::{baselines, bits, bounds, chains, criteria, densities, normal, real_energies};

/// The wrong estimators, in the order of their numbers.
pub fn zoo() -> Vec<Specimen> {
    let mut all = baselines::specimens();
    all.extend(bounds::specimens());
    all.extend(normal::specimens());
    all.extend(bits::specimens());
    all.extend(chains::specimens());
    all.extend(criteria::specimens());
    all.extend(real_energies::specimens());
    all.extend(densities::specimens());
    all.sort_by_key(|specimen| specimen.number);
    all
}
