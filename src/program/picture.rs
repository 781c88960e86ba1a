//! Sheets of grey pictures as PNG: samples, reconstructions, a map of a latent plane.

use super::chart::is_dark;
use kuva::backend::png::PngBackend;
use kuva::render::render::{Primitive, Scene, TextAnchor};
use unicode_width::UnicodeWidthStr;

/// The grey between pictures; neither of the two colours of a binary picture.
const FRAME: u8 = 110;
/// The grey between pairs of rows, paler than the frame so that the pairs stand apart.
const BETWEEN_PAIRS: u8 = 235;
/// The grey of a value that is not a number.
const NOT_A_NUMBER: u8 = 128;
/// The smallest width of a sheet of pictures, in pixels.
const COMFORTABLE_WIDTH: usize = 480;
/// The longest side of one picture on a sheet, in pixels.
pub(crate) const LONGEST_SIDE: usize = 512;
/// The longest strip, in pixels.
pub(crate) const LONGEST_STRIP: usize = 2048;
/// The height of a strip, in pixels: one row of values is drawn as high as a line of text.
const STRIP_HEIGHT: usize = 14;

/// The least and the largest height of a line of words above a sheet in pixels, and the width of a sheet for each pixel of it: on a wide
/// sheet, which is seen from afar, letters are large.
const BAND: (usize, usize) = (30, 48);
const WIDTH_FOR_A_PIXEL: usize = 24;
/// The size of the letters where they fit, as a share of that height.
const LETTERS: f64 = 0.57;

/// The pixels of a projector or a page of slides, of which two lines of words take a part.
const SCREEN: (usize, usize) = (1080 - 2 * BAND.1, 1920);

/// The grey of the ground of words on dark charts.
const DARK: u8 = 20;

/// The grey and half the width of the line between the given part and the rest of a completed picture.
const BORDER: u8 = 170;
const HALF_BORDER: usize = 1;

/// The layout of equally large pictures on a sheet, row by row.
///
/// Values in [0, 1] run from black to white; others are clamped, NaN is mid grey.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sheet {
    /// Rows and columns of values of one picture.
    pub(crate) shape: (usize, usize),
    /// Pictures side by side.
    pub(crate) columns: usize,
    /// Pixels, down and across, that one value becomes.
    pub(crate) scale: (usize, usize),
    /// Pixels between neighbours.
    pub(crate) gap: usize,
}

impl Sheet {
    /// A sheet of pictures, enlarged by a whole number so that it is comfortably wide.
    pub(crate) fn of_pictures(shape: (usize, usize), columns: usize) -> Sheet {
        let (gap, columns) = (2, columns.max(1));
        let frame = gap * (columns + 1);
        let values = (columns * shape.1).max(1);
        let comfortable = COMFORTABLE_WIDTH.saturating_sub(frame).div_ceil(values).max(2);
        let most = LONGEST_SIDE / shape.0.max(shape.1).max(1);
        let scale = comfortable.min(most.max(1));
        Sheet { shape, columns, scale: (scale, scale), gap }
    }

    /// The sheet enlarged by a whole number so that so many rows of pictures fill a screen, as far as they fit.
    pub(crate) fn filling(self, rows: usize) -> Sheet {
        let frame = self.gap * (rows + 1);
        self.fitting(rows, frame)
    }

    /// The same for so many rows of pairs.
    pub(crate) fn filling_with_pairs(self, rows: usize) -> Sheet {
        let frame = self.gap * 3 * rows + between(self.gap) * rows.saturating_sub(1);
        self.fitting(2 * rows, frame)
    }

    /// The sheet enlarged for so many rows of pictures and so many pixels between them.
    fn fitting(self, rows: usize, frame: usize) -> Sheet {
        let room = |screen: usize, frame: usize, values: usize| {
            screen.saturating_sub(frame) / values.max(1)
        };
        let down = room(SCREEN.0, frame, rows * self.shape.0);
        let frame = self.gap * (self.columns + 1);
        let across = room(SCREEN.1, frame, self.columns * self.shape.1);
        let scale = down.min(across).max(self.scale.0);
        match self.scale.0 == self.scale.1 {
            true => Sheet { scale: (scale, scale), ..self },
            false => self,
        }
    }

    /// A sheet for rows of data that are not pictures: each is a strip, one below the other.
    pub(crate) fn of_strips(length: usize) -> Sheet {
        let gap = 2;
        let comfortable = (COMFORTABLE_WIDTH - 2 * gap).div_ceil(length.max(1)).max(2);
        let across = comfortable.min((LONGEST_STRIP / length.max(1)).max(1));
        Sheet { shape: (1, length), columns: 1, scale: (STRIP_HEIGHT, across), gap }
    }

    /// The pictures, flat and one after the other, row by row.
    ///
    /// # Panics
    /// If the values do not make whole pictures.
    pub(crate) fn grid(&self, pictures: &[f32]) -> Canvas {
        let rows = self.pictures(pictures).len().div_ceil(self.columns).max(1);
        let mut canvas = Canvas::new(self.width(), self.stack(rows) + self.gap, FRAME);
        for (i, picture) in self.pictures(pictures).enumerate() {
            let top = self.gap + self.stack(i / self.columns);
            self.draw(&mut canvas, picture, top, i % self.columns);
        }
        // Places without a picture are no part of the sheet.
        let last = self.pictures(pictures).len() % self.columns;
        if last > 0 {
            let left = self.gap + last * (self.shape.1 * self.scale.1 + self.gap);
            let size = (self.stack(1), canvas.width - left);
            canvas.fill(self.gap + self.stack(rows - 1), left, size, shaded(u8::MAX));
        }
        canvas
    }

    /// [`Sheet::grid`] with a line about the part of each picture that is `given`, in the pictures for whose numbers `marked` is true.
    ///
    /// # Panics
    /// If the values do not make whole pictures, or there is not one mark for each value of a picture.
    pub(crate) fn grid_with_border(
        &self,
        pictures: &[f32],
        given: &[bool],
        marked: impl Fn(usize) -> bool,
    ) -> Canvas {
        let mut canvas = self.grid(pictures);
        for i in (0..self.pictures(pictures).len()).filter(|&i| marked(i)) {
            let top = self.gap + self.stack(i / self.columns);
            self.border(&mut canvas, given, top, i % self.columns);
        }
        canvas
    }

    /// [`Sheet::grid`] with a few words in the corner of each picture.
    ///
    /// # Errors
    /// If the words cannot be drawn.
    ///
    /// # Panics
    /// If the values do not make whole pictures.
    pub(crate) fn grid_with_labels(
        &self,
        pictures: &[f32],
        labels: &[String],
    ) -> anyhow::Result<Canvas> {
        let mut canvas = self.grid(pictures);
        let room = (self.shape.0 * self.scale.0, self.shape.1 * self.scale.1);
        for (i, words) in labels.iter().take(self.pictures(pictures).len()).enumerate() {
            let top = self.gap + self.stack(i / self.columns);
            let left = self.gap + i % self.columns * (room.1 + self.gap);
            canvas.label(words, (top, left), room)?;
        }
        Ok(canvas)
    }

    /// Lines along the edges of values of a picture that are given on one side only.
    fn border(&self, canvas: &mut Canvas, given: &[bool], top: usize, column: usize) {
        let ((height, width), (down, across)) = (self.shape, self.scale);
        let (marks, cells) = (given.len(), height * width);
        assert_eq!(marks, cells, "border: {marks} marks for {cells} values");
        let left = self.gap + column * (width * across + self.gap);
        for (i, &here) in given.iter().enumerate() {
            let (row, column) = (i / width, i % width);
            let (y, x) = (top + row * down, left + column * across);
            if column + 1 < width && given[i + 1] != here {
                canvas.fill(y, x + across - HALF_BORDER, (down, 2 * HALF_BORDER), BORDER);
            }
            if row + 1 < height && given[i + width] != here {
                canvas.fill(y + down - HALF_BORDER, x, (2 * HALF_BORDER, across), BORDER);
            }
        }
    }

    /// Rows of originals, each above the row of its reconstructions; those have a line about the part that is `given`, if there is one.
    ///
    /// # Panics
    /// If the values do not make whole pictures, or the two differ in number.
    pub(crate) fn pairs(
        &self,
        originals: &[f32],
        reconstructions: &[f32],
        given: Option<&[bool]>,
    ) -> Canvas {
        let (above, below) = (originals.len(), reconstructions.len());
        assert_eq!(above, below, "pairs: {above} and {below} values do not pair");
        let rows = self.pictures(originals).len().div_ceil(self.columns).max(1);
        let pair = self.gap + self.stack(2);
        let between = between(self.gap);
        let height = rows * (pair + between) - between;
        let mut canvas = Canvas::new(self.width(), height, BETWEEN_PAIRS);
        for row in 0..rows {
            canvas.fill(row * (pair + between), 0, (pair, self.width()), FRAME);
        }
        let both = self.pictures(originals).zip(self.pictures(reconstructions));
        for (i, (original, reconstruction)) in both.enumerate() {
            let top = i / self.columns * (pair + between) + self.gap;
            self.draw(&mut canvas, original, top, i % self.columns);
            self.draw(&mut canvas, reconstruction, top + self.stack(1), i % self.columns);
            if let Some(given) = given {
                self.border(&mut canvas, given, top + self.stack(1), i % self.columns);
            }
        }
        canvas
    }

    /// The pixels of a sheet of so many pictures.
    pub(crate) fn pixels(&self, pictures: usize) -> f64 {
        let rows = pictures.div_ceil(self.columns);
        self.width() as f64 * self.stack(1) as f64 * rows as f64
    }

    fn pictures<'a>(&self, values: &'a [f32]) -> std::slice::ChunksExact<'a, f32> {
        let (height, width) = self.shape;
        let size = height * width;
        let whole = size > 0 && values.len().is_multiple_of(size);
        let count = values.len();
        assert!(whole, "{count} values do not make whole pictures of {height} × {width}");
        values.chunks_exact(size)
    }

    /// Pixels that some rows of pictures take, each with the gap after it.
    fn stack(&self, rows: usize) -> usize {
        rows * (self.shape.0 * self.scale.0 + self.gap)
    }

    fn width(&self) -> usize {
        self.columns * (self.shape.1 * self.scale.1 + self.gap) + self.gap
    }

    fn draw(&self, canvas: &mut Canvas, picture: &[f32], top: usize, column: usize) {
        let left = self.gap + column * (self.shape.1 * self.scale.1 + self.gap);
        for (i, &value) in picture.iter().enumerate() {
            let (row, column) = (i / self.shape.1, i % self.shape.1);
            let (top, left) = (top + row * self.scale.0, left + column * self.scale.1);
            canvas.fill(top, left, self.scale, grey(value));
        }
    }
}

/// The pixels between two rows of pairs.
fn between(gap: usize) -> usize {
    4 * gap.max(1)
}

fn grey(value: f32) -> u8 {
    if value.is_nan() { NOT_A_NUMBER } else { (value.clamp(0.0, 1.0) * 255.0).round() as u8 }
}

/// A pixel of words, light on dark if this is asked for.
fn shaded(pixel: u8) -> u8 {
    if is_dark() { u8::MAX - pixel.min(u8::MAX - DARK) } else { pixel }
}

/// Grey pixels, row by row.
pub(crate) struct Canvas {
    pixels: Vec<u8>,
    width: usize,
}

impl Canvas {
    fn new(width: usize, height: usize, background: u8) -> Canvas {
        Canvas { pixels: vec![background; width * height], width }
    }

    fn fill(&mut self, top: usize, left: usize, (height, width): (usize, usize), grey: u8) {
        for row in top..top + height {
            let start = row * self.width + left;
            self.pixels[start..start + width].fill(grey);
        }
    }

    /// Lines of words above the pixels, in a band of their own.
    ///
    /// # Errors
    /// If the words cannot be drawn.
    pub(crate) fn captioned(mut self, words: &str) -> anyhow::Result<Vec<u8>> {
        let height = (self.width / WIDTH_FOR_A_PIXEL).clamp(BAND.0, BAND.1);
        let lines = words.lines().map(|line| letters(line, (height, self.width)));
        let band: Vec<Vec<u8>> = lines.collect::<anyhow::Result<_>>()?;
        self.pixels.splice(..0, band.concat().into_iter().map(shaded));
        Ok(self.png())
    }

    /// Names at the left of the pixels, one for each line of so many, the first below a gap.
    ///
    /// # Errors
    /// If the names cannot be drawn.
    pub(crate) fn with_row_names(
        self,
        names: &[String],
        (gap, line): (usize, usize),
    ) -> anyhow::Result<Canvas> {
        let height = line.clamp(BAND.0 / 2, BAND.1);
        let longest = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let width = height * longest * 2 / 5 + 12;
        let rows = self.pixels.len() / self.width;
        let mut wide = Canvas::new(width + self.width, rows, shaded(u8::MAX));
        for (row, pixels) in self.pixels.chunks_exact(self.width).enumerate() {
            wide.pixels[row * wide.width + width..][..self.width].copy_from_slice(pixels);
        }
        for (i, name) in names.iter().enumerate() {
            let drawn = letters(name, (height, width))?.into_iter().map(shaded);
            let drawn: Vec<u8> = drawn.collect();
            let top = gap + i * line + line.saturating_sub(height) / 2;
            for (row, pixels) in
                drawn.chunks_exact(width).enumerate().take(rows.saturating_sub(top))
            {
                wide.pixels[(top + row) * wide.width..][..width].copy_from_slice(pixels);
            }
        }
        Ok(wide)
    }

    /// Words in the lower left corner of the picture that begins at a place and has a height, on a white ground.
    fn label(
        &mut self,
        words: &str,
        (top, left): (usize, usize),
        room: (usize, usize),
    ) -> anyhow::Result<()> {
        let height = (room.0 / 7).clamp(2 * BAND.0 / 3, BAND.1).min(room.0);
        let width = (height * words.width() * 2 / 5 + 6).min(room.1);
        let drawn = letters(words, (height, width))?;
        for (line, pixels) in drawn.chunks_exact(width).enumerate() {
            let start = (top + room.0 - height + line) * self.width + left;
            self.pixels[start..start + width].copy_from_slice(pixels);
        }
        Ok(())
    }

    /// The pixels as a PNG.
    pub(crate) fn png(&self) -> Vec<u8> {
        let height = self.pixels.len() / self.width;
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&self.pixels))
            .expect("memory takes every byte of a sheet, and a sheet is never empty");
        bytes
    }
}

/// A line of words in the middle of so many pixels down and across, black on white, smaller if they would not fit.
fn letters(words: &str, (height, width): (usize, usize)) -> anyhow::Result<Vec<u8>> {
    let mut scene = Scene::new(width as f64, height as f64);
    let fits = width as f64 / (0.58 * words.width().max(1) as f64);
    scene.elements.push(Primitive::Text {
        x: width as f64 / 2.0,
        y: height as f64 * 0.68,
        content: words.into(),
        size: (LETTERS * height as f64).min(fits).max(6.0) as u32,
        anchor: TextAnchor::Middle,
        rotate: None,
        bold: false,
        color: None,
    });
    let drawn = PngBackend::new().with_scale(1.0).render_scene(&scene);
    let mut pixels = greys(&drawn.map_err(anyhow::Error::msg)?)?;
    pixels.resize(height * width, u8::MAX);
    Ok(pixels)
}

/// The grey pixels of a PNG, row by row.
fn greys(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
    let info = reader.next_frame(&mut pixels)?;
    Ok(pixels.chunks_exact(info.color_type.samples()).map(|pixel| pixel[0]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> (usize, usize, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.height as usize, info.width as usize, pixels)
    }

    #[test]
    fn a_caption_stands_above_an_unchanged_sheet() {
        let sheet = Sheet::of_pictures((4, 4), 8);
        let plain = sheet.grid(&[0.3; 16 * 8]);
        let (height, width, below) = decode(&plain.png());
        let (all, same, pixels) = decode(&plain.captioned("samples of the model").unwrap());
        assert_eq!((all, same), (height + BAND.0, width));
        assert_eq!(pixels[BAND.0 * width..], below);
        let dark = pixels[..BAND.0 * width].iter().filter(|&&grey| grey < 100).count();
        assert!(dark > 200, "{dark} dark pixels are no words");
    }

    #[test]
    fn a_sheet_fills_a_screen_and_no_more() {
        for (shape, columns, rows) in
            [((28, 28), 8, 8), ((28, 28), 10, 8), ((4, 4), 8, 8), ((28, 28), 3, 3)]
        {
            let sheet = Sheet::of_pictures(shape, columns).filling(rows);
            let words = "two lines\nof words";
            let canvas = sheet.grid(&vec![0.5; rows * columns * shape.0 * shape.1]);
            let (height, width, _) = decode(&canvas.captioned(words).unwrap());
            assert!(height <= 1080 && width <= 1920, "{shape:?}: {height} × {width}");
            assert!(height > 700, "{shape:?}: {height} × {width}");
            let more = Sheet { scale: (sheet.scale.0 + 1, sheet.scale.1 + 1), ..sheet };
            assert!(more.width() > SCREEN.1 || more.stack(rows) + more.gap > SCREEN.0);
        }
        // Many pictures are no smaller than before.
        let many = Sheet::of_pictures((28, 28), 40);
        assert_eq!(many.clone().filling(40), many);
        let pairs = Sheet::of_pictures((28, 28), 10).filling_with_pairs(4);
        let (height, ..) = decode(&pairs.pairs(&[0.0; 40 * 784], &[0.0; 40 * 784], None).png());
        assert!((900..=SCREEN.0).contains(&height), "{height}");
    }

    #[test]
    fn a_line_goes_along_the_border_of_the_given_part() {
        let sheet = Sheet { shape: (2, 2), columns: 2, scale: (4, 4), gap: 0 };
        let given = [true, true, false, false];
        let canvas = sheet.grid_with_border(&[0.0; 8], &given, |picture| picture == 1);
        // Two rows of eight pixels on each picture: the last of the first value, the first of the second.
        let line = |row: usize| &canvas.pixels[row * 16..][..16];
        let half = [[0_u8; 8], [BORDER; 8]].concat();
        assert_eq!(
            (line(2), line(3), line(4), line(5)),
            (&[0; 16][..], &half[..], &half[..], &[0; 16][..])
        );
    }

    #[test]
    fn a_label_stands_in_the_corner_of_its_picture() {
        let sheet = Sheet { shape: (1, 1), columns: 2, scale: (120, 120), gap: 0 };
        let labels = ["0.25".to_string()];
        let canvas = sheet.grid_with_labels(&[0.5, 0.5], &labels).unwrap();
        let at = |row: usize, column: usize| canvas.pixels[row * 240 + column];
        assert_eq!((at(119, 0), at(0, 0), at(119, 239)), (255, 128, 128));
        let dark = canvas.pixels.iter().filter(|&&grey| grey < 100).count();
        assert!(dark > 20, "{dark} dark pixels are no words");
    }

    #[test]
    fn every_value_becomes_a_block_of_its_grey() {
        let sheet = Sheet { shape: (1, 2), columns: 2, scale: (2, 2), gap: 1 };
        let (height, width, pixels) =
            decode(&sheet.grid(&[0.0, 1.0, f32::NAN, -3.0, 7.0, 0.5]).png());
        assert_eq!((height, width), (7, 11));
        let f = FRAME;
        assert_eq!(pixels[11..22], [f, 0, 0, 255, 255, f, 128, 128, 0, 0, f]);
        assert_eq!(pixels[11..22], pixels[22..33]);
        // The place without a picture is white.
        assert_eq!(pixels[44..55], [f, 255, 255, 128, 128, f, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn a_sheet_is_comfortably_wide_whatever_the_pictures() {
        for (shape, columns) in [((28, 28), 8), ((4, 4), 8), ((4, 4), 1), ((28, 28), 20)] {
            let width = Sheet::of_pictures(shape, columns).width();
            assert!((COMFORTABLE_WIDTH..=1300).contains(&width), "{shape:?} × {columns}: {width}");
        }
        assert!(Sheet::of_strips(5).width() >= COMFORTABLE_WIDTH);
        assert_eq!(Sheet::of_strips(784).scale, (STRIP_HEIGHT, 2));
    }

    #[test]
    fn no_side_of_a_picture_is_longer_than_the_limit() {
        for shape in [(LONGEST_SIDE, 1), (1, LONGEST_SIDE), (300, 30)] {
            let sheet = Sheet::of_pictures(shape, 8);
            assert!(shape.0.max(shape.1) * sheet.scale.0 <= LONGEST_SIDE, "{shape:?}");
        }
        let sheet = Sheet::of_pictures((28, 28), 8);
        let (height, width, _) = decode(&sheet.grid(&[0.0; 64 * 784]).png());
        assert!((sheet.pixels(64) - (height * width) as f64).abs() < 0.01 * sheet.pixels(64));
    }

    #[test]
    fn an_original_stands_above_its_reconstruction() {
        let sheet = Sheet { shape: (1, 1), columns: 2, scale: (1, 1), gap: 0 };
        let (height, width, pixels) =
            decode(&sheet.pairs(&[0.0, 0.2, 1.0], &[0.4, 0.6, 0.8], None).png());
        assert_eq!((height, width), (8, 2));
        assert_eq!(pixels[..4], [0, 51, 102, 153]);
        assert_eq!(pixels[4..12], [BETWEEN_PAIRS; 8]);
        assert_eq!(pixels[12..], [255, FRAME, 204, FRAME]);
    }

    #[test]
    fn no_pictures_make_an_empty_sheet() {
        let (height, width, _) = decode(&Sheet::of_pictures((4, 4), 3).grid(&[]).png());
        assert!(height > 0 && width >= COMFORTABLE_WIDTH);
    }

    #[test]
    #[should_panic(expected = "5 values do not make whole pictures of 2 × 2")]
    fn values_that_do_not_make_whole_pictures_are_refused() {
        Sheet::of_pictures((2, 2), 1).grid(&[0.0; 5]);
    }
}
