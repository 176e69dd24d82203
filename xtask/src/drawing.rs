//! What the charts of the README are drawn with.
//!
//! They are SVG by hand for what a README needs: their own ground, which follows the reader's
//! colours, and their figures in words for who does not see them. `plotters` has neither: its SVG has no style
//! sheet, no title and no description.

use std::fmt::{self, Formatter};

/// Begins a chart of this size: its title and description, the style, the ground.
pub(crate) fn begin(
    svg: &mut Formatter<'_>,
    (width, height): (u32, u32),
    title: &str,
    description: &str,
) -> fmt::Result {
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title description">"#
    )?;
    writeln!(svg, r#"<title id="title">{title}</title>"#)?;
    writeln!(svg, r#"<desc id="description">{description}</desc>"#)?;
    writeln!(svg, "<style>\n{STYLE}</style>")?;
    writeln!(
        svg,
        r#"<rect class="ground" x="0.5" y="0.5" width="{}" height="{}" rx="8"/>"#,
        width - 1,
        height - 1
    )?;
    text(svg, "title", LEFT, 36, title)
}

/// Ends a chart.
pub(crate) fn end(svg: &mut Formatter<'_>) -> fmt::Result {
    writeln!(svg, "</svg>")
}

/// A text with its baseline at `y`.
pub(crate) fn text(
    svg: &mut Formatter<'_>,
    class: &str,
    x: u32,
    y: u32,
    text: &str,
) -> fmt::Result {
    writeln!(
        svg,
        r#"<text class="{class}" x="{x}" y="{y}">{text}</text>"#
    )
}

/// A bar with its figure behind it.
pub(crate) fn bar(
    svg: &mut Formatter<'_>,
    x: u32,
    y: u32,
    length: f64,
    figure: &str,
) -> fmt::Result {
    writeln!(
        svg,
        r#"<rect class="bar" x="{x}" y="{y}" width="{length:.1}" height="12"/><text class="figure" x="{:.1}" y="{}">{figure}</text>"#,
        f64::from(x) + length + 5.0,
        y + 10
    )
}

/// A line of the grid with its label under it.
pub(crate) fn tick(
    svg: &mut Formatter<'_>,
    x: f64,
    top: u32,
    bottom: u32,
    label: &str,
) -> fmt::Result {
    writeln!(
        svg,
        r#"<path class="grid" d="M{x:.1} {top}V{bottom}"/><text class="tick" x="{x:.1}" y="{}">{label}</text>"#,
        bottom + 14
    )
}

/// Where names and titles begin.
pub(crate) const LEFT: u32 = 24;

const STYLE: &str = "\
text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #132426; }
.ground { fill: #ffffff; stroke: #c9d6d7; }
.grid { fill: none; stroke: #c9d6d7; }
.bar { fill: #7c9194; }
.ours .bar { fill: #0b6e63; }
.title { font-size: 18px; font-weight: 600; }
.heading { font-size: 14px; font-weight: 600; }
.name { font-size: 13px; }
.ours .name, .ours .figure { font-weight: 600; }
.figure { stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; }
.faint, .size, .tick { fill: #52666a; }
.size, .tick { font-size: 11px; }
.size { text-anchor: end; }
.tick { text-anchor: middle; }
@media (prefers-color-scheme: dark) {
  text { fill: #e3eeee; }
  .ground { fill: #131e20; stroke: #2a3a3d; }
  .grid { stroke: #2a3a3d; }
  .figure { stroke: #131e20; }
  .bar { fill: #70868a; }
  .ours .bar { fill: #4fd1bd; }
  .faint, .size, .tick { fill: #9db1b4; }
}
";
