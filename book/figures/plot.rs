//! Curves between two axes, as an SVG picture with words of its own.

use std::fmt::Write;

/// The size of the picture and the place of the axes in it, in pixels.
const SIZE: [f64; 2] = [640.0, 360.0];
const LEFT: f64 = 70.0;
const RIGHT: f64 = 480.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 310.0;

/// Colours that are told apart by most eyes (Okabe and Ito 2008), and dashes for the others.
const STYLES: [(&str, &str); 4] =
    [("#0072B2", ""), ("#D55E00", "8 3"), ("#009E73", "3 3"), ("#222222", "10 3 2 3")];

/// The scale of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Logarithmic,
}

impl Scale {
    /// The place of a number between the ends of an axis, from zero to one.
    fn place(self, at: f64, [low, high]: [f64; 2]) -> f64 {
        let of = |x: f64| if self == Self::Logarithmic { x.ln() } else { x };
        (of(at) - of(low)) / (of(high) - of(low))
    }

    /// The numbers that are written on an axis.
    fn ticks(self, [low, high]: [f64; 2]) -> Vec<f64> {
        let inside = |x: &f64| *x >= low * (1.0 - 1e-9) && *x <= high * (1.0 + 1e-9);
        match self {
            Self::Linear => (0..=4).map(|i| low + (high - low) * f64::from(i) / 4.0).collect(),
            // Powers of two where there are few powers of ten.
            Self::Logarithmic => {
                let base: f64 = if high / low < 100.0 { 2.0 } else { 10.0 };
                (-10..=10).map(|i| base.powi(i)).filter(inside).collect()
            }
        }
    }
}

/// A curve with its name.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

impl Curve {
    pub(super) fn new(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points }
    }
}

/// Curves between two axes.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) x_range: [f64; 2],
    pub(super) y_range: [f64; 2],
    pub(super) x_scale: Scale,
    pub(super) y_scale: Scale,
    pub(super) curves: Vec<Curve>,
}

impl Plot {
    /// The picture.
    pub(super) fn svg(&self) -> String {
        let [width, height] = SIZE;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"13\">\n\
             <title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
            self.title
        );
        let middle = 0.5 * (LEFT + RIGHT);
        text(&mut svg, [middle, 24.0], "middle", self.title);
        text(&mut svg, [middle, BOTTOM + 40.0], "middle", self.x);
        // The name of the vertical axis is turned.
        let (x, y) = (18.0, 0.5 * (TOP + BOTTOM));
        let turned = format!("transform=\"rotate(-90 {x} {y})\" text-anchor=\"middle\"");
        push(&mut svg, &format!("<text x=\"{x}\" y=\"{y}\" {turned}>{}</text>", self.y));
        self.axes(&mut svg);
        for (i, (curve, (colour, dashes))) in self.curves.iter().zip(STYLES).enumerate() {
            let style = format!(
                "fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\""
            );
            let points: Vec<String> = curve.points.iter().map(|at| self.point(*at)).collect();
            // What lies beyond the axes is cut off.
            let clip = "clip-path=\"url(#inside)\"";
            let line = points.join(" ");
            push(&mut svg, &format!("<polyline {style} {clip} points=\"{line}\"/>"));
            let y = TOP + 14.0 + 22.0 * i as f64;
            let [from, to] = [RIGHT + 12.0, RIGHT + 42.0];
            push(&mut svg, &format!("<polyline {style} points=\"{from},{y} {to},{y}\"/>"));
            text(&mut svg, [to + 6.0, y + 4.0], "start", curve.name);
        }
        svg + "</svg>\n"
    }

    /// The place of a point of a curve in the picture.
    fn point(&self, (x, y): (f64, f64)) -> String {
        let [x, y] = self.place(x, y);
        format!("{x:.1},{y:.1}")
    }

    fn place(&self, x: f64, y: f64) -> [f64; 2] {
        let right = self.x_scale.place(x, self.x_range);
        let up = self.y_scale.place(y, self.y_range);
        [LEFT + right * (RIGHT - LEFT), BOTTOM - up * (BOTTOM - TOP)]
    }

    /// The frame, and the numbers on both axes with lines across.
    fn axes(&self, svg: &mut String) {
        let [width, height] = [RIGHT - LEFT, BOTTOM - TOP];
        let frame = format!("x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\"");
        push(svg, &format!("<clipPath id=\"inside\"><rect {frame}/></clipPath>"));
        let thin = "stroke=\"#dddddd\" stroke-width=\"1\"";
        for tick in self.x_scale.ticks(self.x_range) {
            let [x, _] = self.place(tick, self.y_range[0]);
            push(
                svg,
                &format!("<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{BOTTOM}\" {thin}/>"),
            );
            text(svg, [x, BOTTOM + 18.0], "middle", &number(tick));
        }
        for tick in self.y_scale.ticks(self.y_range) {
            let [_, y] = self.place(self.x_range[0], tick);
            push(
                svg,
                &format!("<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" {thin}/>"),
            );
            text(svg, [LEFT - 6.0, y + 4.0], "end", &number(tick));
        }
        push(svg, &format!("<rect {frame} fill=\"none\" stroke=\"#222222\"/>"));
    }
}

/// A number in as few digits as it needs, with the sign of print.
fn number(x: f64) -> String {
    let digits = format!("{x:.3}");
    let short = digits.trim_end_matches('0').trim_end_matches('.');
    short.replace('-', "−")
}

fn text(svg: &mut String, [x, y]: [f64; 2], anchor: &str, words: &str) {
    push(svg, &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"));
}

fn push(svg: &mut String, line: &str) {
    writeln!(svg, "{line}").expect("a text takes more text");
}
