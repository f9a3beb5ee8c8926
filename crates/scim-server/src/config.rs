//! The options of the program: what they are, where they may stand, and their defaults.
//!
//! Each option is a flag, an environment variable and a key of `scimd.toml`; the flag wins, then the variable, then the file, then the
//! default. `scimd.example.toml` lists them with their units.

pub mod options;

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use validator::ValidateUrl;

use crate::secret::Secret;
use crate::token::ADMIN_MIN_CHARS;

pub use options::Options;

/// The options in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen: `HOST:PORT`; port 0 takes a free one.
    pub listen: String,
    /// `sqlite:PATH` or a libpq URL.
    pub database_url: Secret,
    /// What `meta.location` begins with, without a slash at the end; `None` takes the request's host.
    pub public_url: Option<String>,
    /// The administrator's token, if the operator chose one.
    pub admin_token: Option<Secret>,
    /// How log events are written.
    pub log_format: LogFormat,
    /// The peers whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Failed authentications that one address may make in a minute.
    pub failed_auth_per_minute: u32,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
    /// Within this a request's header must arrive.
    pub header_timeout: Duration,
    /// Within this a request's body must arrive.
    pub body_timeout: Duration,
    /// After this an idle connection is closed.
    pub idle_timeout: Duration,
    /// How long requests in flight may take when the server stops.
    pub shutdown_timeout: Duration,
    /// Connections that read; 0 is as many as suit the machine.
    pub database_connections: usize,
    /// Jobs that may wait for the database before requests are turned away.
    pub database_queue: usize,
    /// How long documents may be looked through for one query whose attributes have no index.
    pub search_time: Duration,
    /// Threads that answer requests; 0 is one for each core.
    pub workers: usize,
}

/// How log events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line of text an event.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// An option that cannot be used. Its text is one line and holds no secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An option has a value that does not fit.
    #[error("`{option}`: {reason}")]
    Option {
        /// The option, as its flag is called.
        option: &'static str,
        /// What was expected.
        reason: String,
    },
    /// The file cannot be read or understood.
    #[error("{0}")]
    File(String),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            database_url: "sqlite:scimd.db".into(),
            public_url: None,
            admin_token: None,
            log_format: LogFormat::Text,
            trusted_proxies: Vec::new(),
            failed_auth_per_minute: 300,
            max_body_bytes: 16 * 1024 * 1024,
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(40),
            idle_timeout: Duration::from_secs(75),
            shutdown_timeout: Duration::from_secs(30),
            database_connections: 0,
            database_queue: 4096,
            search_time: Duration::from_secs(2),
            workers: 0,
        }
    }
}

impl Config {
    /// The configuration that options say, and defaults where they say nothing.
    ///
    /// # Errors
    /// Names the option whose value does not fit.
    pub fn from_options(options: Options) -> Result<Self, ConfigError> {
        let default = Self::default();
        if options
            .redis_url
            .is_some_and(|url| !url.expose().is_empty())
        {
            return Err(wrong(
                "redis-url",
                "sharing limits through Redis is not supported yet; leave it out",
            ));
        }
        let seconds = |given: Option<u32>, default: Duration| {
            given.map_or(default, |given| Duration::from_secs(given.into()))
        };
        let config = Self {
            listen: options.listen.unwrap_or(default.listen),
            database_url: options.database_url.unwrap_or(default.database_url),
            public_url: options
                .public_url
                .map(|url| url.trim_end_matches('/').to_owned())
                .filter(|url| !url.is_empty()),
            admin_token: options.admin_token,
            log_format: options.log_format.unwrap_or_default(),
            trusted_proxies: proxies(&options.trusted_proxies.unwrap_or_default())?,
            failed_auth_per_minute: options
                .failed_auth_per_minute
                .unwrap_or(default.failed_auth_per_minute),
            max_body_bytes: options.max_body_bytes.unwrap_or(default.max_body_bytes),
            header_timeout: seconds(options.header_timeout_seconds, default.header_timeout),
            body_timeout: seconds(options.body_timeout_seconds, default.body_timeout),
            idle_timeout: seconds(options.idle_timeout_seconds, default.idle_timeout),
            shutdown_timeout: seconds(options.shutdown_timeout_seconds, default.shutdown_timeout),
            database_connections: options
                .database_connections
                .unwrap_or(default.database_connections),
            database_queue: options.database_queue.unwrap_or(default.database_queue),
            search_time: default.search_time,
            workers: options.workers.unwrap_or(default.workers),
        };
        config.validate()?;
        Ok(config)
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// Names the option.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_addresses()?;
        if let Some(token) = &self.admin_token {
            validate_admin_token(token)?;
        }
        at_least(
            "failed-auth-per-minute",
            self.failed_auth_per_minute.into(),
            1,
        )?;
        at_least("max-body-bytes", wide(self.max_body_bytes), 1024)?;
        at_least("header-timeout-seconds", self.header_timeout.as_secs(), 1)?;
        at_least("body-timeout-seconds", self.body_timeout.as_secs(), 1)?;
        at_least("idle-timeout-seconds", self.idle_timeout.as_secs(), 1)?;
        at_least("database-queue", wide(self.database_queue), 1)?;
        at_most("max-body-bytes", wide(self.max_body_bytes), 1 << 30)?;
        at_most(
            "shutdown-timeout-seconds",
            self.shutdown_timeout.as_secs(),
            3600,
        )?;
        at_most(
            "database-connections",
            wide(self.database_connections),
            1024,
        )?;
        at_most("database-queue", wide(self.database_queue), 1_000_000)?;
        at_most("workers", wide(self.workers), 1024)
    }

    fn validate_addresses(&self) -> Result<(), ConfigError> {
        if split_listen(&self.listen).is_none() {
            return Err(wrong(
                "listen",
                "expected an address and a port, as in 127.0.0.1:8080",
            ));
        }
        if self.database_url.expose().is_empty() {
            return Err(wrong(
                "database-url",
                "expected sqlite:PATH or postgres://…",
            ));
        }
        match &self.public_url {
            Some(url) if !is_base_url(url) => Err(wrong(
                "public-url",
                "expected an http or https URL without query, as in https://scim.example.com",
            )),
            _ => Ok(()),
        }
    }
}

/// Host and port of `--listen`.
#[must_use]
pub fn split_listen(listen: &str) -> Option<(&str, u16)> {
    let (host, port) = listen.rsplit_once(':')?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match bare {
        Some(inner) => inner,
        None if host.contains(':') => return None,
        None => host,
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return None;
    }
    Some((host, port.parse().ok()?))
}

fn validate_admin_token(token: &Secret) -> Result<(), ConfigError> {
    let text = token.expose();
    let chars = text.chars().count();
    if chars < ADMIN_MIN_CHARS {
        return Err(wrong(
            "admin-token",
            format!("expected at least {ADMIN_MIN_CHARS} characters, found {chars}"),
        ));
    }
    // Only such texts can stand behind `Bearer ` in a header.
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong(
            "admin-token",
            "expected printable ASCII characters without spaces",
        ));
    }
    Ok(())
}

fn proxies(texts: &[String]) -> Result<Vec<IpNet>, ConfigError> {
    let texts = texts
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty());
    texts
        .map(|text| {
            let net = text.parse::<IpNet>().ok();
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            net.or_else(address).ok_or_else(|| {
                wrong(
                    "trusted-proxies",
                    format!("expected addresses or networks as in 10.0.0.0/8, found {text:?}"),
                )
            })
        })
        .collect()
}

fn is_base_url(url: &str) -> bool {
    let scheme = url.starts_with("http://") || url.starts_with("https://");
    scheme && url.validate_url() && !url.contains(['?', '#', '@', '"', '\\', ' '])
}

fn at_least(option: &'static str, found: u64, least: u64) -> Result<(), ConfigError> {
    if found >= least {
        return Ok(());
    }
    Err(wrong(
        option,
        format!("expected at least {least}, found {found}"),
    ))
}

fn at_most(option: &'static str, found: u64, most: u64) -> Result<(), ConfigError> {
    if found <= most {
        return Ok(());
    }
    Err(wrong(
        option,
        format!("expected at most {most}, found {found}"),
    ))
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn wrong(option: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Option {
        option,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
