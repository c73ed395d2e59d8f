//! Which hosts are reached through a proxy: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.
#![cfg(feature = "handshake")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use hybi::proxy::{Proxies, Proxy, ProxyUrlError};

#[test]
fn the_first_variable_that_is_set_counts() {
    for (variables, proxy) in [
        (&[][..], None),
        (&[("HTTPS_PROXY", "http://a")], Some("http://a:80")),
        (&[("ALL_PROXY", "socks5h://a")], Some("socks5h://a:1080")),
        (&[("ALL_PROXY", "http://a"), ("HTTPS_PROXY", "http://b")], Some("http://b:80")),
        (&[("HTTPS_PROXY", "http://a"), ("https_proxy", "http://b")], Some("http://b:80")),
        (&[("HTTPS_PROXY", " "), ("all_proxy", "http://b")], Some("http://b:80")),
        (&[("HTTPS_PROXY", "")], None),
        (&[("HTTPS_PROXY", "proxy.example:3128")], Some("http://proxy.example:3128")),
        (&[("HTTPS_PROXY", " user:pass@proxy.example ")], Some("http://proxy.example:80")),
        // A CGI program's client could set it.
        (&[("HTTP_PROXY", "http://a"), ("http_proxy", "http://a")], None),
    ] {
        let proxies = from(variables).unwrap();
        let shown = proxies.proxy_for("server.example", 443).map(Proxy::to_string);
        assert_eq!(shown.as_deref(), proxy, "{variables:?}");
    }
}

#[test]
fn a_variable_that_names_no_proxy_is_told_without_its_value() {
    for (variable, value, error) in [
        ("HTTPS_PROXY", "socks4://a", ProxyUrlError::Scheme),
        ("all_proxy", "http://user:secret@a/path", ProxyUrlError::Resource),
        ("ALL_PROXY", "http://user:sec ret@a", ProxyUrlError::Syntax),
    ] {
        let told = from(&[(variable, value)]).unwrap_err();
        assert_eq!((told.variable, told.error), (variable, error));
        let text = told.to_string();
        assert!(text.starts_with(&format!("environment variable {variable}: ")));
        assert!(!text.contains("sec"), "{text}");
    }
}

#[test]
fn no_proxy_lists_hosts_that_are_reached_directly() {
    for (list, direct, proxied) in [
        ("*", &["a", "1.2.3.4", "::1"][..], &[][..]),
        ("", &[], &["a"]),
        (
            "example.com",
            &["example.com", "EXAMPLE.com", "a.b.example.com", "example.com."],
            &["notexample.com", "com", "example.com.evil"],
        ),
        (".example.com", &["a.example.com", "example.com"], &["aexample.com"]),
        ("*.example.com", &["a.example.com", "example.com"], &["aexample.com"]),
        ("a,b, c\td", &["a", "b", "c", "d", "x.d"], &["ab", "e"]),
        (",,", &[], &["a"]),
        (".", &[], &["a", "a.b", "a..", "."]),
        ("192.0.2.1", &["192.0.2.1"], &["192.0.2.10", "192.0.2.2", "::ffff:192.0.2.1"]),
        ("192.0.2.0/24", &["192.0.2.0", "192.0.2.255"], &["192.0.3.0", "a"]),
        ("10.9.8.7/8", &["10.0.0.0"], &["11.0.0.0"]),
        ("0.0.0.0/0", &["1.2.3.4"], &["::1"]),
        ("10.0.0.1/32", &["10.0.0.1"], &["10.0.0.0"]),
        ("2001:db8::/32", &["2001:db8:1::", "2001:db8::1"], &["2001:db9::", "1.2.3.4"]),
        ("::1", &["::1"], &["::2"]),
        ("[::1]", &["::1"], &["::2"]),
        ("2001:db8::2", &["2001:db8::2"], &["2001:db8::3"]),
        ("example.com.", &["example.com", "a.example.com."], &["example.org"]),
        ("Example.COM, .SUB.example", &["example.com", "a.sub.example"], &["example"]),
        ("a:", &["a"], &["b"]),
        ("10.0.0.0/33, x/8, ::/129, 1.2.3.4/a", &[], &["10.0.0.0", "1.2.3.4", "::"]),
    ] {
        let proxies = Proxies::from("http://p".parse::<Proxy>().unwrap()).except(list);
        for host in direct {
            assert!(proxies.proxy_for(host, 443).is_none(), "{list}: {host}");
        }
        for host in proxied {
            assert!(proxies.proxy_for(host, 443).is_some(), "{list}: {host}");
        }
    }
}

#[test]
fn an_exception_may_be_of_one_port() {
    for (list, host) in
        [("a:8080", "a"), (".b:8080", "x.b"), ("1.2.3.4:8080", "1.2.3.4"), ("[::1]:8080", "::1")]
    {
        let proxies = Proxies::from("http://p".parse::<Proxy>().unwrap()).except(list);
        assert!(proxies.proxy_for(host, 8080).is_none(), "{list}");
        assert!(proxies.proxy_for(host, 80).is_some(), "{list}");
    }
}

#[test]
fn exceptions_come_from_the_environment_too() {
    for variable in ["no_proxy", "NO_PROXY"] {
        let proxies = from(&[("https_proxy", "http://p"), (variable, "localhost")]).unwrap();
        assert!(proxies.proxy_for("localhost", 80).is_none());
        assert!(proxies.proxy_for("server.example", 80).is_some());
    }
    assert!(Proxies::default().proxy_for("a", 1).is_none());
}

fn from(variables: &[(&str, &str)]) -> Result<Proxies, hybi::proxy::ProxyVariableError> {
    Proxies::from_variables(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}
