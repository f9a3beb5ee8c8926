//! Where a request comes from and where it thinks it is going. `X-Forwarded-*` counts only from trusted proxies.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap};
use actix_web::http::uri::Authority;
use ipnet::IpNet;

use crate::config::Config;

/// The client's address: the peer's, or, behind trusted proxies, the nearest hop that is not one of them.
#[must_use]
pub fn client(req: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = req.peer_addr().map(|peer| peer.ip());
    let peer = peer
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        .to_canonical();
    client_of(peer, req.headers(), trusted)
}

/// What URLs of this server begin with, as the client sees it: scheme, host and port, and the path of `--public-url` if it has one.
#[must_use]
pub fn origin(req: &HttpRequest, config: &Config) -> String {
    if let Some(url) = &config.public_url {
        return url.clone();
    }
    let peer = req.peer_addr().map(|peer| peer.ip().to_canonical());
    let forwarded = peer.is_some_and(|peer| is_trusted(peer, &config.trusted_proxies));
    let headers = req.headers();
    let proxy = |name| if forwarded { last(headers, name) } else { None };
    let scheme = proxy("x-forwarded-proto").filter(|scheme| is_scheme(scheme));
    let host = proxy("x-forwarded-host")
        .filter(|host| is_host(host))
        .or_else(|| {
            headers
                .get(HOST)?
                .to_str()
                .ok()
                .filter(|host| is_host(host))
        })
        .or_else(|| {
            req.uri()
                .authority()
                .map(Authority::as_str)
                .filter(|host| is_host(host))
        })
        .unwrap_or_else(|| req.app_config().host());
    let scheme = scheme.unwrap_or("http").to_ascii_lowercase();
    match proxy("x-forwarded-port").and_then(|port| port.parse::<u16>().ok()) {
        Some(port) if !has_port(host) && !is_usual(&scheme, port) => {
            format!("{scheme}://{host}:{port}")
        }
        _ => format!("{scheme}://{host}"),
    }
}

fn client_of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    let hops: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .collect();
    for hop in hops.into_iter().rev() {
        if !is_trusted(client, trusted) {
            break;
        }
        // What cannot be read was not written by a trusted proxy: nothing behind it counts.
        let Some(address) = hop_address(hop.trim()) else {
            break;
        };
        client = address;
    }
    client
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// An address with or without a port, as proxies write it.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop
        .strip_prefix('[')
        .and_then(|hop| hop.strip_suffix(']'))
        .unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// The value that the nearest proxy wrote: the last of all lines.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let line = headers.get_all(name).last()?.to_str().ok()?;
    line.rsplit(',').next().map(str::trim)
}

fn is_scheme(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Only what a URL may have there, so that a header cannot put anything else into locations.
fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(allowed)
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_usual(scheme: &str, port: u16) -> bool {
    matches!((scheme, port), ("http", 80) | ("https", 443))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(peer: &str, headers: &[(&'static str, &str)]) -> HttpRequest {
        let request =
            TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 5000));
        let add = |request: TestRequest, (name, value): &(&'static str, &str)| {
            request.append_header((*name, *value))
        };
        headers.iter().fold(request, add).to_http_request()
    }

    fn config() -> Config {
        Config {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ..Config::default()
        }
    }

    #[test]
    fn the_client_is_the_nearest_hop_that_is_not_trusted() {
        for (peer, forwarded, expected) in [
            ("192.0.2.9", &[][..], "192.0.2.9"),
            ("192.0.2.9", &["198.51.100.1"], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.7, 198.51.100.1"], "198.51.100.1"),
            (
                "10.0.0.1",
                &["203.0.113.7, 198.51.100.1, 10.9.9.9"],
                "198.51.100.1",
            ),
            (
                "10.0.0.1",
                &["203.0.113.7", "198.51.100.1,10.9.9.9"],
                "198.51.100.1",
            ),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("::1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("::1", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, , 10.0.0.2"], "10.0.0.2"),
        ] {
            let headers: Vec<_> = forwarded
                .iter()
                .map(|value| ("x-forwarded-for", *value))
                .collect();
            let client = client(&request(peer, &headers), &config().trusted_proxies);
            assert_eq!(client.to_string(), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn the_origin_is_the_requests_host_unless_a_trusted_proxy_says_otherwise() {
        const PROTO: &str = "x-forwarded-proto";
        const FORWARDED_HOST: &str = "x-forwarded-host";
        const PORT: &str = "x-forwarded-port";
        for (peer, headers, expected) in [
            (
                "192.0.2.9",
                &[("host", "a.example:8080")][..],
                "http://a.example:8080",
            ),
            ("192.0.2.9", &[("host", "[::1]:8080")], "http://[::1]:8080"),
            ("192.0.2.9", &[("host", "a\"<b>")], "http://localhost:8080"),
            ("192.0.2.9", &[("host", "a/../b")], "http://localhost:8080"),
            (
                "192.0.2.9",
                &[
                    ("host", "a.example"),
                    (PROTO, "https"),
                    (FORWARDED_HOST, "evil"),
                ],
                "http://a.example",
            ),
            (
                "10.0.0.1",
                &[("host", "a.example"), (PROTO, "https")],
                "https://a.example",
            ),
            (
                "10.0.0.1",
                &[
                    ("host", "a"),
                    (PROTO, "HTTPS"),
                    (FORWARDED_HOST, "b.example"),
                ],
                "https://b.example",
            ),
            (
                "10.0.0.1",
                &[
                    ("host", "a"),
                    (PROTO, "javascript"),
                    (FORWARDED_HOST, "b/c"),
                ],
                "http://a",
            ),
            (
                "10.0.0.1",
                &[("host", "a"), (FORWARDED_HOST, "evil, b.example")],
                "http://b.example",
            ),
            (
                "10.0.0.1",
                &[("host", "a"), (PROTO, "https"), (PORT, "8443")],
                "https://a:8443",
            ),
            (
                "10.0.0.1",
                &[("host", "a"), (PROTO, "https"), (PORT, "443")],
                "https://a",
            ),
            ("10.0.0.1", &[("host", "a:1"), (PORT, "8443")], "http://a:1"),
        ] {
            assert_eq!(
                origin(&request(peer, headers), &config()),
                expected,
                "{peer} {headers:?}"
            );
        }
    }

    #[test]
    fn a_public_url_wins_over_everything() {
        let config = Config {
            public_url: Some("https://scim.example.com/idp".to_owned()),
            ..config()
        };
        let request = request("10.0.0.1", &[("host", "a"), ("x-forwarded-host", "b")]);
        assert_eq!(origin(&request, &config), "https://scim.example.com/idp");
    }
}
