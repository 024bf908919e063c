//! Renders SVG as PNG, with a built-in font: the machine may have none. What is not in it is looked for in the fonts
//! of the machine.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{FontResolver, Options, Tree, fontdb},
};

/// Pixels of the PNG for each pixel of the SVG, along either axis.
const SCALE: f32 = 2.0;

/// Renders `svg` as PNG. Also returns the characters that no font on this machine has, for which it draws boxes.
///
/// # Errors
///
/// Returns an error if `svg` is not valid SVG or has no size.
pub fn from_svg(svg: &str) -> Result<(Vec<u8>, Vec<char>)> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    // For names in other scripts. To look for fonts takes time.
    if !svg.is_ascii() {
        fonts.load_system_fonts();
    }
    fonts.set_sans_serif_family("Ubuntu");
    let missing = Mutex::new(Vec::new());
    let fallback = FontResolver::default_fallback_selector();
    let options = Options {
        fontdb: Arc::new(fonts),
        font_resolver: FontResolver {
            select_fallback: Box::new(|symbol, tried, fonts| {
                let found = fallback(symbol, tried, fonts);
                let mut missing = missing.lock().expect("nothing panics with it");
                if found.is_none() && !missing.contains(&symbol) {
                    missing.push(symbol);
                }
                found
            }),
            ..FontResolver::default()
        },
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).context("the picture")?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(SCALE)
        .context("the picture has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).context("the picture has no size")?;
    let scale = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    let png = pixels.encode_png().context("the picture")?;
    drop(options);
    Ok((png, missing.into_inner().expect("nothing panics with it")))
}
