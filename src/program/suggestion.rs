//! The name that was probably meant.

/// Two names that are as alike as this differ by a slip of the finger: `vea` and `vae`, `renforce-none` and `reinforce-none`.
const ALIKE: f64 = 0.8;

/// The choices there are in place of a name that is none of them, behind the nearest one.
pub(crate) fn choices(wrong: &str, names: &[&str]) -> String {
    let alike = |name: &&&str| strsim::jaro(wrong, name);
    let nearest = names.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    // Among names of several words, quotes show where each ends.
    let quoted = names.iter().any(|name| name.contains([' ', ',']));
    let shown = |name: &&str| if quoted { format!("`{name}`") } else { name.to_string() };
    let shown: Vec<String> = names.iter().map(shown).collect();
    let all = format!("the choices are {}", shown.join(", "));
    match nearest.filter(|name| alike(name) > ALIKE) {
        Some(name) => format!("did you mean `{name}`? {}{}", all[..1].to_uppercase(), &all[1..]),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::choices;

    #[test]
    fn a_slip_is_corrected_and_another_word_is_not() {
        let names = ["vimco", "reinforce-none", "stl"];
        let all = "he choices are vimco, reinforce-none, stl";
        for (slip, meant) in [("vicmo", "vimco"), ("renforce-none", "reinforce-none")] {
            assert_eq!(choices(slip, &names), format!("did you mean `{meant}`? T{all}"));
        }
        assert_eq!(choices("adam", &names), format!("t{all}"));
        assert_eq!(choices("z", &["a, b", "c"]), "the choices are `a, b`, `c`");
    }
}
