//! Options as they are given: by flag, environment variable or `scimd.toml`. Nothing is checked here but their types.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ConfigError, LogFormat};
use crate::secret::Secret;

/// The file that is read when no other is named.
pub const FILE: &str = "scimd.toml";

/// Declares the options once for the command line, the environment and the file.
macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty, $env:literal, $old:literal $(, $arg:meta)*;)*) => {
        /// What one source says about the options; `None` is nothing.
        #[derive(Clone, Debug, Default, PartialEq, clap::Args, Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct Options {
            $(
                $(#[doc = $doc])+
                #[arg(long, env = $env, hide_env_values = true, global = true $(, $arg)*)]
                #[serde(alias = $old)]
                pub $name: Option<$type>,
            )*
        }

        impl Options {
            /// These options, and those of `other` where these say nothing.
            #[must_use]
            pub fn or(self, other: Self) -> Self {
                Self { $($name: self.$name.or(other.$name),)* }
            }

            /// The options' names, as keys of the file and as flags.
            #[cfg(test)]
            pub(super) fn names() -> Vec<String> {
                vec![$(stringify!($name).replace('_', "-"),)*]
            }
        }
    };
}

options! {
    /// Address and port; port 0 picks a free one [default: 127.0.0.1:8080]
    listen: String, "SCIMD_LISTEN", "listen", value_name = "HOST:PORT";
    /// sqlite:PATH, or any libpq URL [default: sqlite:scimd.db]
    database_url: Secret, "SCIMD_DATABASE_URL", "database_url", value_name = "URL";
    /// What meta.location begins with [default: the request's host]
    public_url: String, "SCIMD_PUBLIC_URL", "public_url", value_name = "URL";
    /// At least 32 characters [default: made at the first start]
    admin_token: Secret, "SCIMD_ADMIN_TOKEN", "admin_token", value_name = "TOKEN";
    /// Shares rate limits between nodes; not supported yet
    redis_url: Secret, "SCIMD_REDIS_URL", "redis_url", value_name = "URL";
    /// How log events are written, to standard error [default: text]
    log_format: LogFormat, "SCIMD_LOG_FORMAT", "log_format", value_enum;
    /// Addresses and networks whose X-Forwarded-* headers count [default: none]
    trusted_proxies: Vec<String>, "SCIMD_TRUSTED_PROXIES", "trusted_proxies", value_name = "NETS", value_delimiter = ',';
    /// Failed authentications an address may make in a minute [default: 300]
    failed_auth_per_minute: u32, "SCIMD_FAILED_AUTH_PER_MINUTE", "failed_auth_per_minute", value_name = "N";
    /// The largest body of a request, in bytes [default: 16777216]
    max_body_bytes: usize, "SCIMD_MAX_BODY_BYTES", "max_body_bytes", value_name = "BYTES";
    /// Within this the header of a request must arrive [default: 15]
    header_timeout_seconds: u32, "SCIMD_HEADER_TIMEOUT_SECONDS", "header_timeout_seconds", value_name = "SECONDS";
    /// Within this the body of a request must arrive [default: 40]
    body_timeout_seconds: u32, "SCIMD_BODY_TIMEOUT_SECONDS", "body_timeout_seconds", value_name = "SECONDS";
    /// After this an idle connection is closed [default: 75]
    idle_timeout_seconds: u32, "SCIMD_IDLE_TIMEOUT_SECONDS", "idle_timeout_seconds", value_name = "SECONDS";
    /// How long requests in flight may take when the server stops [default: 30]
    shutdown_timeout_seconds: u32, "SCIMD_SHUTDOWN_TIMEOUT_SECONDS", "shutdown_timeout_seconds", value_name = "SECONDS";
    /// Connections that read from the database; 0 suits the machine [default: 0]
    database_connections: usize, "SCIMD_DATABASE_CONNECTIONS", "database_connections", value_name = "N";
    /// Jobs that may wait for the database before requests are turned away [default: 4096]
    database_queue: usize, "SCIMD_DATABASE_QUEUE", "database_queue", value_name = "N";
    /// Threads that answer requests; 0 is one for each core [default: 0]
    workers: usize, "SCIMD_WORKERS", "workers", value_name = "N";
}

impl Options {
    /// Reads a file's options: the file named, or `scimd.toml` in the current directory if there is one.
    ///
    /// # Errors
    /// When a named file is missing, or the file is not TOML or has an unknown key or a value of another type. The text gives the line
    /// and not what stands in it, for it may hold a secret.
    pub fn from_file(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = named.map_or_else(|| PathBuf::from(FILE), Path::to_path_buf);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::from_toml(&text)
                .map_err(|reason| ConfigError::File(format!("{}, {reason}", path.display()))),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(error) => Err(ConfigError::File(format!(
                "{}: cannot be read: {error}",
                path.display()
            ))),
        }
    }

    fn from_toml(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let before = text.as_bytes().iter().take(start);
            let line = before.filter(|byte| **byte == b'\n').count() + 1;
            let message = error.message().lines().next().unwrap_or("not TOML");
            format!("line {line}: {}", without_value(message))
        })
    }
}

/// Serde repeats the value that does not fit (`invalid type: string "…", expected …`); it may be a secret.
fn without_value(message: &str) -> String {
    match (
        message.strip_prefix("invalid type: "),
        message.rsplit_once(", expected "),
    ) {
        (Some(_), Some((_, expected))) => format!("invalid type, expected {expected}"),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_spell_keys_with_hyphens_or_underscores() {
        let one =
            Options::from_toml("listen = \"[::]:80\"\ndatabase-url = \"sqlite:a.db\"").unwrap();
        let other =
            Options::from_toml("listen = \"[::]:80\"\ndatabase_url = \"sqlite:a.db\"").unwrap();
        assert_eq!(one, other);
    }

    #[test]
    fn a_wrong_file_is_one_line_that_names_the_place_and_no_secret() {
        for (text, expected) in [
            ("\nlisten = 5", "line 2: invalid type, expected a string"),
            (
                "workers = \"hunter2\"",
                "line 1: invalid type, expected usize",
            ),
            ("admin-token = hunter2", "line 1: "),
            (
                "listne = \"a\"",
                "line 1: unknown field `listne`, expected one of",
            ),
            ("listen = \"a\"\nlisten = \"b\"", "line 2: duplicate key"),
            (
                "log-format = \"xml\"",
                "line 1: unknown variant `xml`, expected `text` or `json`",
            ),
        ] {
            let error = Options::from_toml(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            assert!(
                !error.contains("hunter2") && !error.contains('\n'),
                "{error}"
            );
        }
    }
}
