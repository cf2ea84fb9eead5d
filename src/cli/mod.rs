//! The command line. `serve` and `config` act here; every other command is a client of the API.

mod admin;
mod api;
mod audit;
mod completions;
mod config;
mod credentials;
mod docker_helper;
mod input;
mod key;
mod lineage;
mod manage;
mod output;
mod serve;
mod session;
mod token;
mod trust_policy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use self::api::Server;

/// An OpenID Connect issuer for machines and a token broker for AWS ECR.
#[derive(Parser)]
#[command(
    name = "feedpass",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done; 1 the answer is no, or it failed; 2 wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Answer with JSON, for programs
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the issuer and the broker
    Serve(serve::Serve),
    /// Look at a configuration file
    #[command(subcommand)]
    Config(config::Config),
    /// Get registry credentials of a feed
    Credentials(credentials::Credentials),
    /// Get a web identity token of a feed, for `AWS_WEB_IDENTITY_TOKEN_FILE`
    Token(token::Token),
    /// Get a session of a feed's role, for any program that speaks to AWS
    Session(session::Session),
    /// Do what is done on the server's own machine: make the first admin
    #[command(subcommand)]
    Admin(admin::Admin),
    /// See and change spaces, the tenants
    #[command(subcommand)]
    Space(manage::Space),
    /// See and change feeds, the registries and the roles for them
    #[command(subcommand)]
    Feed(Box<manage::Feed>),
    /// Print what AWS has to allow a feed, or check a trust policy
    #[command(subcommand)]
    TrustPolicy(trust_policy::TrustPolicy),
    /// See and change clients, who may ask for what
    #[command(subcommand)]
    Client(manage::Client),
    /// See and change whose tokens are believed, and which clients they stand for
    #[command(subcommand)]
    Workload(Box<manage::Workload>),
    /// Try the rules for workloads on tokens
    #[command(subcommand)]
    Policy(manage::Policy),
    /// See and rotate the signing keys
    #[command(subcommand)]
    Key(Box<key::Key>),
    /// Make spaces, feeds, clients and the rules for workloads equal to a file
    Apply(manage::Apply),
    /// Say who can get credentials of a feed, and why
    WhoCan(manage::WhoCan),
    /// Say who the server takes you for
    Whoami(manage::Whoami),
    /// See who got what, and verify that nobody edited it
    Audit(Box<audit::AuditCommand>),
    /// See what came of a key, token, session or feed, and who was given it
    Lineage(lineage::LineageCommand),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

/// Which configuration file.
#[derive(Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long = "config", value_name = "FILE", env = "FEEDPASS_CONFIG", default_value = "config.toml")]
    path: PathBuf,
}

/// Runs the program under the name it was called by.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let called = arguments.first().and_then(|name| Path::new(name).file_stem()).and_then(|name| name.to_str());
    if called == Some(docker_helper::NAME) {
        return docker_helper::run(&arguments[1..]);
    }
    // clap itself prints help and wrong usage, and ends with 0 or 2.
    let cli = Cli::parse_from(arguments);
    let json = cli.json;
    match execute(cli) {
        Ok(code) => code,
        Err(error) => {
            output::print_error(&error, json);
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(serve) => runtime()?.block_on(serve.run()),
        Command::Config(config) => config.run(cli.json),
        Command::Credentials(credentials) => runtime()?.block_on(credentials.run(cli.json)),
        Command::Token(token) => runtime()?.block_on(token.run(cli.json)),
        Command::Session(session) => runtime()?.block_on(session.run(cli.json)),
        Command::Admin(admin) => runtime()?.block_on(admin.run(cli.json)),
        Command::Space(space) => runtime()?.block_on(space.run(cli.json)),
        Command::Feed(feed) => runtime()?.block_on(feed.run(cli.json)),
        Command::TrustPolicy(command) => runtime()?.block_on(command.run(cli.json)),
        Command::Client(client) => runtime()?.block_on(client.run(cli.json)),
        Command::Workload(workload) => runtime()?.block_on(workload.run(cli.json)),
        Command::Policy(policy) => runtime()?.block_on(policy.run(cli.json)),
        Command::Key(key) => runtime()?.block_on(key.run(cli.json)),
        Command::Apply(apply) => runtime()?.block_on(apply.run(cli.json)),
        Command::WhoCan(who_can) => runtime()?.block_on(who_can.run(cli.json)),
        Command::Whoami(whoami) => runtime()?.block_on(whoami.run(cli.json)),
        Command::Audit(audit) => runtime()?.block_on(audit.run(cli.json)),
        Command::Lineage(lineage) => runtime()?.block_on(lineage.run(cli.json)),
        Command::Completions(completions) => completions.run(&mut Cli::command()),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
