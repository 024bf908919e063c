//! Colours that colour-blind readers can tell apart.

/// Red, green and blue.
pub type Rgb = (u8, u8, u8);

/// Black, for curves that must stand out from others.
pub const BLACK: Rgb = (0, 0, 0);
/// Grey, for curves that belong to no network.
pub const GREY: Rgb = (120, 120, 120);

/// A colour of the palette of Okabe and Ito (2008).
pub struct Colour {
    /// For SVG.
    pub rgb: Rgb,
    /// The nearest of a terminal's 256 colours.
    pub ansi: u8,
}

const fn colour(rgb: Rgb, ansi: u8) -> Colour {
    Colour { rgb, ansi }
}

/// The palette without yellow, which is hard to see on white.
pub const COLOURS: [Colour; 7] = [
    colour((0, 114, 178), 32),
    colour((213, 94, 0), 166),
    colour((0, 158, 115), 36),
    colour((204, 121, 167), 175),
    colour((230, 159, 0), 214),
    colour((86, 180, 233), 117),
    colour((0, 0, 0), 244),
];
