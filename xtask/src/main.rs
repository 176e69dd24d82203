//! `cargo xtask`: see the library for what the commands do.

use std::env;
use std::process::ExitCode;

use xtask::arguments::Arguments;
use xtask::{
    Error, Interrupt, audit, bench, broker, console, echo, herd, mutations, picture, serve, size,
    soak, test,
};

#[tokio::main]
async fn main() -> ExitCode {
    match run(env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code().into()
        }
    }
}

/// Each command with its help, whose first line says what it is.
const COMMANDS: [(&str, &str); 11] = [
    ("serve", serve::HELP),
    ("test", test::HELP),
    ("soak", soak::HELP),
    ("audit", audit::HELP),
    ("echo", echo::HELP),
    ("broker", broker::HELP),
    ("size", size::HELP),
    ("bench", bench::HELP),
    ("herd", herd::HELP),
    ("mutations", mutations::HELP),
    ("picture", picture::HELP),
];

async fn run(mut words: impl Iterator<Item = String>) -> Result<(), Error> {
    let Some(word) = words.next().filter(|word| word != "--help" && word != "-h") else {
        list();
        return Ok(());
    };
    let Some((name, help)) = COMMANDS.into_iter().find(|(name, _)| *name == word) else {
        let names = COMMANDS.map(|(name, _)| name).join(", ");
        return Err(Error::Usage(format!(
            "there is no command {word}; the commands are {names}"
        )));
    };
    let mut arguments = Arguments::new(name, words);
    if arguments.flag("--help") || arguments.flag("-h") {
        console::say(format_args!("cargo xtask {name}: {help}"));
        return Ok(());
    }

    let mut interrupt = Interrupt::listen()?;
    match name {
        "serve" => serve::command(arguments, &mut interrupt).await,
        "test" => test::command(arguments, &mut interrupt).await,
        "soak" => soak::command(arguments, &mut interrupt).await,
        "audit" => audit::command(arguments, &mut interrupt).await,
        "echo" => echo::command(arguments, &mut interrupt).await,
        "broker" => broker::command(arguments, &mut interrupt).await,
        "size" => size::command(arguments, &mut interrupt).await,
        "bench" => bench::command(arguments, &mut interrupt).await,
        "herd" => herd::command(arguments, &mut interrupt).await,
        "mutations" => mutations::command(arguments, &mut interrupt).await,
        "picture" => picture::command(arguments, &mut interrupt).await,
        _ => unreachable!("a command of the list without an arm"),
    }
}

fn list() {
    console::say("usage: cargo xtask COMMAND [OPTIONS]\n");
    for (name, help) in COMMANDS {
        let summary = help.lines().next().unwrap_or_default();
        console::say(format_args!("  {name:<10} {summary}"));
    }
    console::say("\n`cargo xtask COMMAND --help` tells more");
}
