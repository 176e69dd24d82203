//! `cargo xtask`: see the library for what the commands do.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use xtask::{
    Error, Interrupt, audit, bench, broker, echo, herd, mutations, picture, serve, size, soak, test,
};

/// Heartwire's developer commands
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    args_override_self = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Test(test::Arguments),
    Soak(soak::Arguments),
    Audit(audit::Arguments),
    Echo(echo::Options),
    Broker(broker::Arguments),
    Size(size::Arguments),
    Bench(bench::Arguments),
    Herd(herd::Arguments),
    Mutations(mutations::Arguments),
    Picture(picture::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(CommandLine::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit_code().into()
        }
    }
}

async fn run(line: CommandLine) -> Result<(), Error> {
    let Some(command) = line.command else {
        let listed = CommandLine::command().print_help();
        return listed.map_err(|cause| Error::Failed(cause.to_string()));
    };
    let mut interrupt = Interrupt::listen()?;
    let interrupt = &mut interrupt;
    match command {
        Command::Serve(arguments) => serve::command(arguments, interrupt).await,
        Command::Test(arguments) => test::command(arguments, interrupt).await,
        Command::Soak(arguments) => soak::command(arguments, interrupt).await,
        Command::Audit(arguments) => audit::command(arguments, interrupt).await,
        Command::Echo(options) => echo::command(options, interrupt).await,
        Command::Broker(arguments) => broker::command(arguments, interrupt).await,
        Command::Size(arguments) => size::command(arguments, interrupt).await,
        Command::Bench(arguments) => bench::command(arguments, interrupt).await,
        Command::Herd(arguments) => herd::command(arguments, interrupt).await,
        Command::Mutations(arguments) => mutations::command(arguments, interrupt).await,
        Command::Picture(arguments) => picture::command(arguments, interrupt).await,
    }
}
