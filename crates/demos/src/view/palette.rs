//! Colours for curves that colour-blind readers can tell apart.

/// A colour as its red, green and blue.
pub type Rgb = (u8, u8, u8);

/// Black, for what has to be seen through others.
pub const BLACK: Rgb = (0, 0, 0);
/// Grey, for what is no network's.
pub const GREY: Rgb = (120, 120, 120);

/// A colour of Okabe and Ito's (2008), whom colour-blind readers can tell apart.
pub struct Colour {
    /// For a picture.
    pub rgb: Rgb,
    /// The nearest of a terminal's 256.
    pub ansi: u8,
}

const fn colour(rgb: Rgb, ansi: u8) -> Colour {
    Colour { rgb, ansi }
}

/// All but yellow, which white paper swallows.
pub const COLOURS: [Colour; 7] = [
    colour((0, 114, 178), 32),
    colour((213, 94, 0), 166),
    colour((0, 158, 115), 36),
    colour((204, 121, 167), 175),
    colour((230, 159, 0), 214),
    colour((86, 180, 233), 117),
    colour((0, 0, 0), 244),
];
