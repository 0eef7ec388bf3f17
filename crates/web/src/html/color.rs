//! The operator's accent colour, adapted so that text in it can be read (WCAG 2.2, 1.4.3).

use std::fmt;
use std::str::FromStr;

/// Minimum contrast of text (WCAG 2.2, 1.4.3). Edges need 3:1, which this includes.
const TEXT_CONTRAST: f64 = 4.5;
/// Steps from a colour to black or white.
const STEPS: u32 = 100;

const WHITE: Color = Color([255, 255, 255]);
const BLACK: Color = Color([0, 0, 0]);
/// `--ground` and `--paper` of the stylesheet in each scheme.
const LIGHT: [Color; 2] = [Color([0xf5, 0xf6, 0xf5]), WHITE];
const DARK: [Color; 2] = [Color([0x0f, 0x12, 0x11]), Color([0x18, 0x1c, 0x1b])];

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

/// The accent colours of one scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accent {
    /// Links, buttons, edges.
    pub(crate) accent: Color,
    /// The accent with the pointer over it, and text on `tint`.
    pub(crate) strong: Color,
    /// Text on `accent`.
    pub(crate) on_accent: Color,
    /// Background of messages.
    pub(crate) tint: Color,
}

impl Accent {
    /// The colours for a light background: the colour, darkened until it can be read.
    pub(crate) fn light(color: Color) -> Self {
        Self::readable(color, LIGHT, BLACK, 0.1)
    }

    /// The colours for a dark background: the colour, lightened until it can be read.
    pub(crate) fn dark(color: Color) -> Self {
        Self::readable(color, DARK, WHITE, 0.15)
    }

    /// Moves the colour towards `end` until its contrast to the backgrounds suffices.
    fn readable(color: Color, [ground, paper]: [Color; 2], end: Color, tinted: f64) -> Self {
        let moved = (0..=STEPS).map(|step| color.mix(end, f64::from(step) / f64::from(STEPS)));
        let accents = moved.map(|accent| Self {
            accent,
            strong: accent.mix(end, 0.3),
            on_accent: if end == BLACK { WHITE } else { ground },
            tint: paper.mix(accent, tinted),
        });
        let is_readable = |colors: &Self| {
            let backgrounds = [ground, paper, colors.tint, colors.on_accent];
            let contrasts = backgrounds.map(|background| colors.accent.contrast(background));
            contrasts.iter().all(|contrast| *contrast >= TEXT_CONTRAST)
        };
        let fallback = Self {
            accent: end,
            strong: end,
            on_accent: ground,
            tint: ground,
        };
        accents.into_iter().find(is_readable).unwrap_or(fallback)
    }
}

impl Color {
    /// The colour with a share of another one, from 0 to 1.
    fn mix(self, other: Self, share: f64) -> Self {
        let mut mixed = self.0;
        for (channel, other) in mixed.iter_mut().zip(other.0) {
            let value = f64::from(*channel) * (1.0 - share) + f64::from(other) * share;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a mean of two values from 0 to 255"
            )]
            {
                *channel = value.round() as u8;
            }
        }
        Self(mixed)
    }

    /// The contrast ratio to another colour, from 1 to 21 (WCAG 2.2, "contrast ratio").
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Relative luminance (WCAG 2.2, "relative luminance").
    fn luminance(self) -> f64 {
        let linear = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            match value <= 0.04045 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
}

/// Parses `#rrggbb`.
impl FromStr for Color {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || "must be a colour such as #17614e".to_owned();
        let digits = text.strip_prefix('#').ok_or_else(invalid)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| invalid())?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_contrast_is_that_of_wcag() {
        assert!((BLACK.contrast(WHITE) - 21.0).abs() < 1e-9);
        // The lightest grey that has 4.5:1 on white.
        let grey: Color = "#767676".parse().unwrap();
        assert!((4.54..4.55).contains(&grey.contrast(WHITE)));
    }

    #[test]
    fn a_readable_accent_is_kept() {
        let green: Color = "#17614E".parse().unwrap();
        assert_eq!(Accent::light(green).accent.to_string(), "#17614e");
        let mint: Color = "#74d2b7".parse().unwrap();
        assert_eq!(Accent::dark(mint).accent, mint);
    }

    #[test]
    fn what_is_not_a_colour_is_rejected() {
        for text in ["", "17614e", "#1764e", "#17614g", "red", "#+7614e"] {
            assert!(text.parse::<Color>().is_err(), "{text}");
        }
    }

    proptest! {
        /// A pale yellow as well as a dark blue.
        #[test]
        fn every_accent_can_be_read_in_both_schemes(channels: [u8; 3]) {
            for (colors, [ground, paper]) in [
                (Accent::light(Color(channels)), LIGHT),
                (Accent::dark(Color(channels)), DARK),
            ] {
                for background in [ground, paper, colors.tint, colors.on_accent] {
                    prop_assert!(colors.accent.contrast(background) >= TEXT_CONTRAST, "{colors:?}");
                }
                prop_assert!(colors.strong.contrast(colors.tint) >= TEXT_CONTRAST, "{colors:?}");
                prop_assert!(colors.strong.contrast(colors.on_accent) >= TEXT_CONTRAST, "{colors:?}");
            }
        }
    }
}
