//! Charts that are light on dark, for slides.

use crate::program::usage_error::usage_error;
use kuva::render::color::Color;
use kuva::render::render::{PathData, Primitive, Scene};

/// The variable that asks for charts light on dark, with the value `dark`.
const VARIABLE: &str = "PATHSCORE_CHARTS";

/// The lightness of the ground.
const GROUND: f64 = 0.08;

/// The difference of the largest and the least part of a colour that is no grey.
const LEAST_SATURATION: f64 = 0.15;

/// True if charts are to be light on dark.
pub(crate) fn is_asked() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == "dark")
}

/// Refuses another value of the variable.
///
/// # Errors
/// If it is set, but not to `dark` or `light`.
pub(crate) fn check_variable() -> anyhow::Result<()> {
    match std::env::var_os(VARIABLE) {
        Some(value) if !["dark", "light", ""].iter().any(|known| value == *known) => {
            Err(usage_error(format!(
                "{VARIABLE} is {}; it may be `dark` or `light`",
                value.to_string_lossy()
            )))
        }
        _ => Ok(()),
    }
}

/// The scene light on dark: every grey has the opposite lightness, every colour its hue and is light. Cells of maps keep their colours, which stand for
/// numbers.
pub(super) fn dark(scene: &Scene) -> Scene {
    let mut shown = Scene::new(scene.width, scene.height);
    let of = |colour: &Option<String>, usual: &str| {
        Some(opposite(Color::from(colour.as_deref().unwrap_or(usual))).to_svg_string())
    };
    shown.background_color = of(&scene.background_color, "white");
    shown.text_color = of(&scene.text_color, "black");
    shown.font_family = scene.font_family.clone();
    shown.defs = scene.defs.clone();
    shown.elements = scene.elements.iter().cloned().map(shaded).collect();
    shown
}

fn shaded(primitive: Primitive) -> Primitive {
    let mut primitive = primitive;
    let turn = |colour: &mut Color| *colour = opposite(colour.clone());
    let may_turn = |colour: &mut Option<Color>| colour.iter_mut().for_each(turn);
    match &mut primitive {
        Primitive::Circle { fill, stroke, .. } | Primitive::CircleBatch { fill, stroke, .. } => {
            turn(fill);
            may_turn(stroke);
        }
        Primitive::Rect { fill, stroke, .. } => {
            turn(fill);
            may_turn(stroke);
        }
        Primitive::Line { stroke, .. } | Primitive::PolyLine { stroke, .. } => turn(stroke),
        Primitive::Text { color, .. } | Primitive::RichText { color, .. } => may_turn(color),
        Primitive::Path(path) => {
            let PathData { fill, stroke, .. } = &mut **path;
            turn(stroke);
            may_turn(fill);
        }
        Primitive::RectBatch { .. }
        | Primitive::GroupStart { .. }
        | Primitive::GroupEnd
        | Primitive::ClipStart { .. }
        | Primitive::ClipEnd => {}
    }
    primitive
}

/// The colour of the same hue whose lightness $l$, the mean of the largest and the least part, is $1 - l$, with white as dark as the
/// ground and not black. A colour that is light enough keeps its lightness: pink does not become purple.
fn opposite(colour: Color) -> Color {
    let Color::Rgb(r, g, b) = colour else { return colour };
    let parts = [r, g, b].map(|part| f64::from(part) / 255.0);
    let (most, least) = parts.iter().fold((0.0_f64, 1.0_f64), |(m, l), &p| (m.max(p), l.min(p)));
    let is_grey = most - least < LEAST_SATURATION;
    let change = 1.0 - most - least;
    // A dark hue becomes a little lighter, and stays apart from light ones.
    let change = if is_grey { change } else { 0.4 * change.max(0.0) };
    let [r, g, b] = parts.map(|part| GROUND + (1.0 - GROUND) * (part + change));
    let byte = |part: f64| (255.0 * part.clamp(0.0, 1.0)).round() as u8;
    Color::Rgb(byte(r), byte(g), byte(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_is_dark_black_is_light_and_a_hue_stays() {
        let rgb = |r, g, b| match opposite(Color::Rgb(r, g, b)) {
            Color::Rgb(r, g, b) => [r, g, b],
            other => panic!("{other:?}"),
        };
        assert_eq!(rgb(255, 255, 255), [20, 20, 20]);
        assert_eq!(rgb(0, 0, 0), [255, 255, 255]);
        let [r, g, b] = rgb(0, 114, 178);
        assert!(b > g && g > r && b > 200, "a light blue: {r} {g} {b}");
        let [r, g, b] = rgb(204, 121, 167);
        assert!(r > b && b > g && r > 200, "the same pink: {r} {g} {b}");
        assert!(matches!(opposite(Color::None), Color::None));
    }

    #[test]
    fn the_cells_of_a_map_stand_for_numbers_and_stay() {
        let mut scene = Scene::new(10.0, 10.0);
        let one = || vec![1.0];
        let fills = vec![Color::Rgb(1, 2, 3)];
        scene.elements.push(Primitive::RectBatch { x: one(), y: one(), w: one(), h: one(), fills });
        let shown = dark(&scene);
        assert_eq!(shown.background_color.as_deref(), Some("#141414"));
        assert_eq!(shown.text_color.as_deref(), Some("#ffffff"));
        let Primitive::RectBatch { fills, .. } = &shown.elements[0] else { panic!("it is a map") };
        assert!(matches!(fills[0], Color::Rgb(1, 2, 3)));
    }
}
