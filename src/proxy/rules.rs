//! Which proxy leads to a host.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Proxy, ProxyVariableError};

/// A proxy, or none, and the hosts that are reached without it.
///
/// ```
/// use hybi::proxy::Proxies;
///
/// let variables = |name: &str| match name {
///     "HTTPS_PROXY" => Some("http://proxy.example:3128".to_owned()),
///     "NO_PROXY" => Some("localhost, .internal.example, 10.0.0.0/8".to_owned()),
///     _ => None,
/// };
/// let proxies = Proxies::from_variables(variables)?;
/// assert!(proxies.proxy_for("server.example", 443).is_some());
/// assert!(proxies.proxy_for("db.internal.example", 443).is_none());
/// assert!(proxies.proxy_for("10.1.2.3", 80).is_none());
/// # Ok::<(), hybi::proxy::ProxyVariableError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    proxy: Option<Proxy>,
    except: Vec<Exception>,
}

/// Hosts that are reached directly.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// A name and all below it.
    Domain(String),
    /// Addresses that begin with these bits.
    Network(IpAddr, u8),
}

/// The variables that name a proxy, the first that is set counts. `HTTP_PROXY` is not among them: a WebSocket is
/// always tunnelled, and in a CGI program that variable is the client's (`Proxy:`).
const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

impl Proxies {
    /// What `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say, for `ws:` as for `wss:`; `variable` looks up the value of a
    /// variable. Names in small letters come first; an empty value counts as none. A value without a scheme is an HTTP
    /// proxy's host and port.
    ///
    /// # Errors
    ///
    /// Which variable names no proxy.
    pub fn from_variables(
        mut variable: impl FnMut(&str) -> Option<String>,
    ) -> Result<Self, ProxyVariableError> {
        let mut value = |name| variable(name).filter(|value| !value.trim().is_empty());
        let mut proxies = Self::default();
        let named = VARIABLES.iter().find_map(|name| Some((*name, value(name)?)));
        if let Some((variable, text)) = named {
            let text = text.trim();
            let proxy = match text.contains("://") {
                true => text.parse(),
                false => format!("http://{text}").parse(),
            };
            proxies.proxy = Some(proxy.map_err(|error| ProxyVariableError { variable, error })?);
        }
        match value("no_proxy").or_else(|| value("NO_PROXY")) {
            Some(list) => Ok(proxies.except(&list)),
            None => Ok(proxies),
        }
    }

    /// Adds hosts that are reached directly, separated by commas or spaces: `*`, a name (with all names below it, a
    /// leading dot or `*.` making no difference), an address, a network (`10.0.0.0/8`); each but the last may be followed by a
    /// port.
    #[must_use]
    pub fn except(mut self, list: &str) -> Self {
        let words = list.split(|c: char| c == ',' || c.is_whitespace());
        self.except.extend(words.filter(|word| !word.is_empty()).map(Exception::parse));
        self
    }

    /// The proxy that leads to a host: a name, or an address, an IPv6 address without brackets.
    #[must_use]
    pub fn proxy_for(&self, host: &str, port: u16) -> Option<&Proxy> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let excepted = self.except.iter().any(|except| except.matches(host, port));
        self.proxy.as_ref().filter(|_| !excepted)
    }
}

impl From<Proxy> for Proxies {
    fn from(proxy: Proxy) -> Self {
        Self { proxy: Some(proxy), except: Vec::new() }
    }
}

impl Exception {
    fn parse(word: &str) -> Self {
        if let Some(network) = parse_network(word) {
            return Self { hosts: network, port: None };
        }
        let (host, port) = match word.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                (host, port.parse().ok())
            }
            _ => (word, None),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = host.strip_prefix("*.").or_else(|| host.strip_prefix('.')).unwrap_or(host);
        let name = name.strip_suffix('.').unwrap_or(name);
        let hosts = match parse_network(bare) {
            Some(network) => network,
            None if host == "*" => Hosts::All,
            None => Hosts::Domain(name.to_ascii_lowercase()),
        };
        Self { hosts, port }
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|own| own != port) {
            return false;
        }
        match &self.hosts {
            Hosts::All => true,
            Hosts::Domain(domain) => {
                let host = host.to_ascii_lowercase();
                let before = host.strip_suffix(domain.as_str());
                let within = |before: &str| before.is_empty() || before.ends_with('.');
                !domain.is_empty() && before.is_some_and(within)
            }
            Hosts::Network(network, bits) => {
                host.parse().is_ok_and(|host: IpAddr| is_within(host, *network, *bits))
            }
        }
    }
}

/// An address, or one and how many of its bits count.
fn parse_network(word: &str) -> Option<Hosts> {
    let (address, bits) = word.split_once('/').map_or((word, None), |(a, b)| (a, Some(b)));
    let address = address.parse::<IpAddr>().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= most)?,
        None => most,
    };
    Some(Hosts::Network(address, bits))
}

fn is_within(host: IpAddr, network: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (host, network) {
        (IpAddr::V4(host), IpAddr::V4(network)) => {
            let differ = u32::from(host) ^ u32::from(network);
            differ.leading_zeros() >= bits
        }
        (IpAddr::V6(host), IpAddr::V6(network)) => {
            let differ = u128::from(host) ^ u128::from(network);
            differ.leading_zeros() >= bits
        }
        _ => false,
    }
}
