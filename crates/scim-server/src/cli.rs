//! The command line: `serve` (the default), `migrate`, `tenant create|list`, `token create`.
//!
//! Exit codes: 0; 1 when something failed; 2 for a wrong option and for a database that cannot be reached.

mod commands;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError, Options};
use crate::service::administration::AdminError;
use crate::store::{OpenError, StoreError};
use crate::{serve, telemetry};

/// A multi-tenant SCIM 2.0 server.
#[derive(Debug, Parser)]
#[command(name = "scimd", version, about)]
struct Cli {
    /// Reads options from this file [default: scimd.toml, if it is there]
    #[arg(long, env = "SCIMD_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server; the same as no command
    Serve,
    /// Brings the database to this version, then stops
    Migrate,
    /// Tenants
    #[command(subcommand, arg_required_else_help = false)]
    Tenant(TenantCommand),
    /// Tokens
    #[command(subcommand, arg_required_else_help = false)]
    Token(TokenCommand),
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Creates a tenant
    Create {
        /// Its name in paths: a-z, 0-9 and `-`
        slug: String,
        /// The profile it begins with
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// Its name for people
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Lists the tenants
    List {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Makes a token and prints it, this once
    Create {
        /// The tenant
        slug: String,
        /// The token's name for people
        #[arg(long, value_name = "TEXT", default_value = "command line")]
        name: String,
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
}

/// Why the program ends without having done what was asked: one line and an exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    line: String,
}

/// Runs the program with these arguments.
///
/// # Errors
/// One line that says what went wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Failure> {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    let file = Options::from_file(cli.config.as_deref())?;
    let config = Config::from_options(cli.options.or(file))?;
    let _flush = telemetry::init(config.log_format);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(config),
        Command::Migrate => commands::migrate(&config),
        Command::Tenant(command) => commands::tenant(&config, command),
        Command::Token(command) => commands::token(&config, command),
    }
}

/// Help and version go to standard output; anything else becomes one line.
fn not_understood(error: &clap::Error) -> Result<(), Failure> {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        let _ = error.print();
        return Ok(());
    }
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line: Vec<&str> = paragraph.split_whitespace().collect();
    let line = line.join(" ");
    Err(Failure::usage(
        line.strip_prefix("error: ").unwrap_or(&line),
    ))
}

impl Failure {
    /// A wrong option, or a database that cannot be reached.
    pub fn usage(line: impl fmt::Display) -> Self {
        Self::new(2, &line)
    }

    /// Something failed.
    pub fn failed(line: impl fmt::Display) -> Self {
        Self::new(1, &line)
    }

    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    fn new(code: u8, line: &dyn fmt::Display) -> Self {
        let line = line.to_string().replace(char::is_control, " ");
        Self { code, line }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::usage(error)
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Invalid { .. } | AdminError::Store(StoreError::Unavailable(_)) => {
                Self::usage(error)
            }
            _ => Self::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(arguments: &[&str], expected: &str) {
        let arguments = std::iter::once("scimd").chain(arguments.iter().copied());
        let failure = run(arguments.map(OsString::from)).unwrap_err();
        assert_eq!(failure.code(), 2, "{failure}");
        let line = failure.to_string();
        assert!(line.starts_with(expected) && !line.contains('\n'), "{line}");
    }

    #[test]
    fn what_is_not_understood_is_one_line_and_code_2() {
        fails(&["--listne", "a"], "unexpected argument '--listne' found");
        fails(&["fly"], "unrecognized subcommand 'fly'");
        fails(&["tenant"], "'scimd tenant' requires a subcommand");
        fails(
            &["tenant", "create"],
            "the following required arguments were not provided: <SLUG>",
        );
        fails(
            &["--workers", "many"],
            "invalid value 'many' for '--workers <N>'",
        );
        fails(
            &["--admin-token", "short"],
            "`admin-token`: expected at least 32 characters, found 5",
        );
        fails(
            &["--config", "/nonexistent.toml"],
            "/nonexistent.toml: cannot be read",
        );
        fails(
            &["token", "rotate", "acme", "id"],
            "unrecognized subcommand 'rotate'",
        );
    }
}
