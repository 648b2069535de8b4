//! Programs in a terminal: a pseudo-terminal that `script` makes, of a fixed width, and pictures of what stood on it.

use std::{
    num::NonZeroU16,
    path::PathBuf,
    process::{Command, Stdio},
};

use anstyle::{Color, RgbColor};
use anstyle_svg::{Palette, Term};
use playground::folders;

use crate::{not_run, pictures};

/// More than anything prints that a picture is made of, so that nothing scrolls out of sight.
const ROWS: u16 = 100;

/// Pictures are looked at in pages, which load them whole.
const MOST_BYTES: usize = 60_000;

/// A dark terminal with a background of its own, which stands out on a white page and on a black one.
const BACKGROUND: RgbColor = RgbColor(0x16, 0x1b, 0x22);
const TEXT: RgbColor = RgbColor(0xe6, 0xed, 0xf3);
/// Black to white, and the bright ones: each is at least 4.5 times as bright as the background, but for black.
const COLOURS: [u32; 16] = [
    0x0048_4f58,
    0x00ff_7b72,
    0x003f_b950,
    0x00d2_9922,
    0x0058_a6ff,
    0x00bc_8cff,
    0x0039_c5cf,
    0x00b1_bac4,
    0x006e_7681,
    0x00ff_a198,
    0x0056_d364,
    0x00e3_b341,
    0x0079_c0ff,
    0x00d2_a8ff,
    0x0056_d4dd,
    0x00f0_f6fc,
];

/// Whether there is a way to make a terminal; has `make test` say so where there is none.
pub fn can_make_terminals() -> bool {
    // Others than Linux have a `script` that takes other arguments.
    let can = cfg!(target_os = "linux") && folders::find_program("script").is_some();
    if !can {
        not_run("there is no `script` of util-linux to make a terminal");
    }
    can
}

/// `command` in a terminal of so many columns that knows colours, of a person who wants them. Its output, both of it, is
/// piped. What it has of its environment from elsewhere than [`Command::env`] is kept.
pub fn in_terminal(command: &Command, columns: u16) -> Command {
    let words = [command.get_program()].into_iter().chain(command.get_args()).map(|word| word.to_string_lossy());
    let line = format!("stty cols {columns} rows {ROWS}; exec {}", shell_words::join(words));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
    script.env("SHELL", "/bin/sh").env("TERM", "xterm-256color");
    for variable in ["CI", "CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"] {
        script.env_remove(variable);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        script.current_dir(folder);
    }
    script.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    script
}

/// Draws a terminal of so many columns as it stands when somebody has typed `typed` and `lines` have been printed; says
/// where the picture is.
pub fn picture(name: &str, typed: &str, lines: &[String], columns: u16) -> PathBuf {
    let picture = svg(typed, lines, columns);
    assert!(picture.len() <= MOST_BYTES, "{name}: {} bytes", picture.len());
    let file = pictures::keep(&format!("{name}.svg"), picture);
    eprintln!("drawn: {}", file.display());
    file
}

/// The drawing of [`picture`].
pub fn svg(typed: &str, lines: &[String], columns: u16) -> String {
    let colours = COLOURS.map(|colour| {
        let [_, red, green, blue] = colour.to_be_bytes();
        RgbColor(red, green, blue)
    });
    Term::new()
        .palette(Palette::from(colours))
        .fg_color(Color::Rgb(TEXT))
        .bg_color(Color::Rgb(BACKGROUND))
        .min_width_px(usize::from(columns) * 84 / 10)
        .render_svg(&screen(typed, lines, columns))
}

/// What stands on the screen in the end: text and colours, and nothing that moves about.
fn screen(typed: &str, lines: &[String], columns: u16) -> String {
    let [rows, columns] = [ROWS, columns].map(|count| NonZeroU16::new(count).unwrap());
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    terminal.process(format!("\x1b[1m$ {typed}\x1b[0m\r\n{}", lines.join("\r\n")).as_bytes());
    let screen = terminal.screen();
    let wrapped = (0..ROWS).find(|row| screen.row_wrapped(*row));
    assert!(wrapped.is_none(), "wider than {columns} columns: {}", screen.contents());
    screen.contents_formatted_basic().trim_end().to_owned()
}
