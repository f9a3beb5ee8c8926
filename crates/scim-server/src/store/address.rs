//! The database URL: which database, where, and what of it must not be shown.

use std::path::PathBuf;

use super::error::OpenError;

/// Where the database is.
#[derive(Clone)]
pub(super) enum Address {
    /// A `PostgreSQL` server.
    Server(Server),
    /// An `SQLite` file, its path absolute.
    File(PathBuf),
}

/// A server's URL with our settings added, and what is secret in it.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) url: String,
    /// Host, port and database, for messages.
    place: String,
    secrets: Vec<String>,
}

/// What is asked of libpq unless the URL says otherwise: notice a dead server within seconds, and say who calls.
const DEFAULTS: [(&str, &str); 6] = [
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "3"),
    ("keepalives_count", "2"),
    ("tcp_user_timeout", "3000"),
    ("fallback_application_name", "scimd"),
];

impl Address {
    /// Understands `sqlite:PATH`, `sqlite://PATH` and any libpq URL.
    ///
    /// # Errors
    ///
    /// When it is none of these. The URL is not repeated in the error: it may hold a password.
    pub(super) fn parse(url: &str) -> Result<Address, OpenError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return file(path.strip_prefix("//").unwrap_or(path));
        }
        match url.split_once("://") {
            Some(("postgres" | "postgresql", rest)) => Ok(Address::Server(Server::new(url, rest))),
            _ => Err(OpenError::new(
                "the database URL must begin with `sqlite:` or `postgres://`",
            )),
        }
    }

    pub(super) fn is_server(&self) -> bool {
        matches!(self, Address::Server(_))
    }
}

fn file(path: &str) -> Result<Address, OpenError> {
    if path.is_empty() || path == ":memory:" || path.contains(['?', '\0']) {
        return Err(OpenError::new(
            "the database URL after `sqlite:` must be the path of a file, without parameters",
        ));
    }
    std::path::absolute(path)
        .map(Address::File)
        .map_err(|error| OpenError::new(format!("cannot find the database `{path}`: {error}")))
}

impl Server {
    fn new(url: &str, rest: &str) -> Server {
        let (account, tail) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (place, parameters) = tail.split_once('?').unwrap_or((tail, ""));
        Server {
            url: with_defaults(url, place, parameters),
            place: place.to_owned(),
            secrets: secrets(url, account, parameters),
        }
    }

    /// Host, port and database.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// libpq's words without the password, which some of its messages repeat.
    pub(super) fn scrub(&self, message: &str) -> String {
        self.secrets
            .iter()
            .fold(message.to_owned(), |text, secret| {
                text.replace(secret.as_str(), "***")
            })
    }
}

fn with_defaults(url: &str, place: &str, parameters: &str) -> String {
    let given = |name: &str| {
        parameters
            .split('&')
            .any(|parameter| parameter.split('=').next() == Some(name))
    };
    let hosts = place.split('/').next().unwrap_or_default();
    let several = hosts
        .contains(',')
        .then_some(("target_session_attrs", "read-write"));
    let mut text = url.to_owned();
    let mut separator = if url.contains('?') { '&' } else { '?' };
    for (name, value) in DEFAULTS.into_iter().chain(several) {
        if !given(name) {
            text.extend([separator]);
            text.extend([name, "=", value]);
            separator = '&';
        }
    }
    text
}

/// Everything that must not be seen, the longest first: the URL, the password, and pieces of a password that libpq may take for a host.
fn secrets(url: &str, account: &str, parameters: &str) -> Vec<String> {
    let password = account.split_once(':').map_or("", |(_, password)| password);
    let pieces = password.split(['@', '/', ':', '?', '#', '[', ']', '&', '=']);
    let parameters = parameters.split('&').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        matches!(name, "password" | "sslpassword").then_some(value)
    });
    let mut found: Vec<String> = [url, password]
        .into_iter()
        .chain(pieces.filter(|piece| piece.len() > 2))
        .chain(parameters)
        .filter(|secret| !secret.is_empty())
        .map(str::to_owned)
        .collect();
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Server(server) => f.debug_tuple("Server").field(&server.place).finish(),
            Address::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        match Address::parse(url).unwrap() {
            Address::Server(server) => server,
            Address::File(path) => unreachable!("{path:?}"),
        }
    }

    #[test]
    fn a_file_has_an_absolute_path() {
        for (url, path) in [
            ("sqlite:/var/a.db", "/var/a.db"),
            ("sqlite:///var/a.db", "/var/a.db"),
        ] {
            assert_eq!(
                format!("{:?}", Address::parse(url).unwrap()),
                format!("File({path:?})")
            );
        }
        for url in ["sqlite:a.db", "sqlite://a.db", "sqlite:./a.db"] {
            let expected = std::env::current_dir().unwrap().join("a.db");
            assert_eq!(
                format!("{:?}", Address::parse(url).unwrap()),
                format!("File({expected:?})")
            );
        }
    }

    #[test]
    fn what_is_not_a_database_is_refused_without_repeating_it() {
        for url in [
            "",
            "mysql://u:geheim@h/d",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:a.db?mode=geheim",
            "geheim",
        ] {
            let error = Address::parse(url).unwrap_err().to_string();
            assert!(!error.contains("geheim"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn passwords_are_scrubbed() {
        for url in [
            "postgres://ada:geheim@h/d",
            "postgres://ada:geheim@h:5432,i:5433/d?sslmode=require",
            "postgresql://ada:x@geheim@h/d",
            "postgresql://ada:x/geheim@h/d",
            "postgresql://h/d?user=ada&password=geheim",
        ] {
            let server = server(url);
            let message = format!("{url} geheim");
            assert!(!server.scrub(&message).contains("geheim"), "{url}");
            assert!(!server.place().contains("geheim"), "{url}");
        }
    }

    #[test]
    fn our_settings_do_not_overrule_the_url() {
        let url = server("postgres://h/d?connect_timeout=9").url;
        assert!(
            url.starts_with("postgres://h/d?connect_timeout=9&keepalives_idle=10"),
            "{url}"
        );
        assert!(!url.contains("target_session_attrs"), "{url}");
        let url = server("postgres://h,i/d").url;
        assert!(
            url.starts_with("postgres://h,i/d?connect_timeout=3&"),
            "{url}"
        );
        assert!(url.ends_with("&target_session_attrs=read-write"), "{url}");
    }
}
