//! URLs of WebSockets (RFC 6455 section 3).
#![cfg(feature = "handshake")]

use hybi::handshake::{Request, Url, UrlError};
use proptest::prelude::*;

#[test]
fn section_3_a_url_has_host_port_resource_and_a_secure_flag() {
    for (text, host, port, resource, tls) in [
        ("ws://example.com", "example.com", 80, "/", false),
        ("ws://example.com/", "example.com", 80, "/", false),
        ("wss://example.com", "example.com", 443, "/", true),
        ("WS://Example.COM/Chat", "example.com", 80, "/Chat", false),
        ("wSs://example.com:8443/a/b?c=d&e", "example.com", 8443, "/a/b?c=d&e", true),
        ("ws://example.com?x=1", "example.com", 80, "/?x=1", false),
        ("ws://example.com?", "example.com", 80, "/", false),
        ("ws://example.com/chat?", "example.com", 80, "/chat", false),
        ("ws://example.com/??", "example.com", 80, "/??", false),
        ("ws://example.com:/", "example.com", 80, "/", false),
        ("wss://example.com:/", "example.com", 443, "/", true),
        ("ws://example.com:00080/", "example.com", 80, "/", false),
        ("ws://1.2.3.4:65535", "1.2.3.4", 65535, "/", false),
        ("ws://[::1]:9000/chat", "::1", 9000, "/chat", false),
        ("ws://[2001:DB8::1]", "2001:db8::1", 80, "/", false),
        ("ws://xn--bcher-kva.example/", "xn--bcher-kva.example", 80, "/", false),
        ("ws://my_host-1/", "my_host-1", 80, "/", false),
        ("ws://example.com//x", "example.com", 80, "//x", false),
        ("ws://example.com/a?b?c/d", "example.com", 80, "/a?b?c/d", false),
        ("ws://example.com/%0d%0aX", "example.com", 80, "/%0d%0aX", false),
        ("ws://example.com?a/b", "example.com", 80, "/?a/b", false),
        ("ws://example.com/?from=ws://b", "example.com", 80, "/?from=ws://b", false),
        ("ws://example.com/@x:y", "example.com", 80, "/@x:y", false),
        (
            "ws://a/!$&'()*+,;=:@-._~?!$&'()*+,;=:@-._~/?",
            "a",
            80,
            "/!$&'()*+,;=:@-._~?!$&'()*+,;=:@-._~/?",
            false,
        ),
    ] {
        let url: Url = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        let parts = (url.host(), url.port(), url.resource(), url.is_tls());
        assert_eq!(parts, (host, port, resource, tls), "{text}");
    }
}

#[test]
fn the_host_header_names_the_port_where_it_is_not_the_schemes_own() {
    for (text, header) in [
        ("ws://example.com/", "example.com"),
        ("ws://example.com:80/", "example.com"),
        ("ws://example.com:443/", "example.com:443"),
        ("wss://example.com:443/", "example.com"),
        ("wss://example.com:80/", "example.com:80"),
        ("ws://[::1]/", "[::1]"),
        ("ws://[::1]:9000/", "[::1]:9000"),
    ] {
        assert_eq!(parse(text).host_header(), header, "{text}");
    }
}

#[test]
fn section_3_the_scheme_is_ws_or_wss() {
    for text in ["http://a/", "https://a/", "wsx://a/", "ws+unix:///tmp/s", "://a/", "w s://a/"] {
        let error = refuse(text);
        assert!(matches!(error, UrlError::Scheme | UrlError::Syntax), "{text}: {error}");
    }
    assert_eq!(refuse("http://a/"), UrlError::Scheme);
}

#[test]
fn section_3_a_url_has_no_fragment() {
    for text in ["ws://a/#x", "ws://a/#", "ws://a#x", "ws://a/?b#c", "ws://a/%23#"] {
        assert_eq!(refuse(text), UrlError::Fragment, "{text}");
    }
    assert_eq!(parse("ws://a/%23").resource(), "/%23");
}

#[test]
fn a_user_name_or_a_password_is_refused() {
    for text in ["ws://user:pass@a/", "ws://user@a/", "ws://@a/", "ws://a:80@evil/"] {
        assert_eq!(refuse(text), UrlError::UserInfo, "{text}");
    }
}

#[test]
fn a_host_is_a_name_or_an_address() {
    for text in [
        "ws:///path",
        "ws://",
        "ws://:80/",
        "ws://?x",
        "ws://[::zz]/",
        "ws://[::1/",
        "ws://[::1]x/",
        "ws://[]/",
        "ws://[v1.x]/",
        "ws://[fe80::1%25eth0]/",
        "ws://[1.2.3.4]/",
        "ws://a%62c/",
        "ws://a,b/",
        "ws://*/",
        "ws://a;b/",
        "ws://a\\b/",
        "ws://a|b/",
        "ws://[::1]]/",
        "ws://a]/",
    ] {
        assert_eq!(refuse(text), UrlError::Host, "{text}");
    }
}

#[test]
fn a_port_is_a_number_from_1_to_65535() {
    for (port, fits) in
        [("0", false), ("1", true), ("65534", true), ("65535", true), ("65536", false)]
    {
        assert_eq!(format!("ws://a:{port}/").parse::<Url>().is_ok(), fits, "{port}");
    }
    for port in ["0", "00", "65536", "99999999999999999999", "+80", "-1", "8a", "0x50", "80:80"] {
        assert_eq!(refuse(&format!("ws://a:{port}/")), UrlError::Port, "{port}");
    }
}

#[test]
fn what_must_be_encoded_is_refused_and_not_mended() {
    for text in [
        "",
        "a",
        "//a/",
        "ws:a",
        "ws:/a",
        "ws:\\\\a",
        " ws://a/",
        "ws://a/ ",
        "ws://a b/",
        "ws://a/b c",
        "ws://a/\r\nX: y",
        "ws://a\r\n/",
        "ws://a/\n",
        "ws://a/\t",
        "ws://a\t/",
        "ws://a/\0",
        "ws://a\0/",
        "ws://a/\u{7f}",
        "ws://a/ü",
        "ws://a/?\u{2028}",
        "\u{feff}ws://a/",
    ] {
        assert_eq!(refuse(text), UrlError::Syntax, "{text:?}");
    }
}

#[test]
fn a_host_in_another_script_is_told_to_come_in_its_ascii_form() {
    for text in ["ws://bücher.example/", "wss://例え.jp", "ws://a.ß:80?x", "ws://ü/ü"] {
        assert_eq!(refuse(text), UrlError::NonAsciiHost, "{text}");
    }
    assert!(UrlError::NonAsciiHost.to_string().contains("xn--"));
}

/// RFC 3986 sections 2.1, 3.3 and 3.4.
#[test]
fn a_resource_is_made_of_what_a_uri_may_contain() {
    for resource in ["%", "%2", "%2g", "%zz", "a%", "?%", "?a=%x1"] {
        assert_eq!(refuse(&format!("ws://a/{resource}")), UrlError::Syntax, "{resource}");
    }
    for byte in ['"', '<', '>', '\\', '^', '`', '{', '|', '}', '[', ']'] {
        assert_eq!(refuse(&format!("ws://a/{byte}")), UrlError::Syntax, "{byte}");
        assert_eq!(refuse(&format!("ws://a/?{byte}")), UrlError::Syntax, "{byte}");
    }
}

/// A resource goes into the request line, which a server bounds at 8 KiB or so.
#[test]
fn a_resource_without_end_is_refused() {
    assert!(format!("ws://a/{}", "x".repeat(60_000)).parse::<Url>().is_ok());
    assert!(format!("ws://a/{}", "x".repeat(70_000)).parse::<Url>().is_err());
}

#[test]
fn a_request_takes_a_url_or_its_text() {
    let from_text = Request::new("ws://a/b").expect("the URL is good");
    let from_url = Request::from(parse("ws://a/b"));
    assert_eq!(from_text.url(), from_url.url());
    assert_eq!(Request::try_from("ws://a/#").err(), Some(UrlError::Fragment));
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(
        scheme in "(ws|wss|WS|Wss)",
        host in "([a-zA-Z0-9_.-]{1,20}|\\[::[0-9a-f]{1,4}\\])",
        port in prop::option::of(1..=u16::MAX),
        resource in "(/[a-z0-9/~:@!$&'()*+,;=-]{0,20})?(\\?[a-z0-9/?%=&]{0,20})?",
    ) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        if let Ok(url) = format!("{scheme}://{host}{port}{resource}").parse::<Url>() {
            let again = url.to_string().parse::<Url>();
            prop_assert_eq!(again, Ok(url));
        } else {
            prop_assert!(resource.contains('%'), "only a percent sign can be wrong here");
        }
    }

    /// Nothing in a URL that has been taken can end or begin a line, or a word of the request line.
    #[test]
    fn no_url_injects_anything(text in r#"(wss?://)?[a-z.\[\]:@/?#%0-9 \r\n\t\\"\x00\x7fü]{0,30}"#) {
        if let Ok(url) = text.parse::<Url>() {
            for part in [url.host(), url.resource(), &url.host_header(), &url.to_string()] {
                prop_assert!(part.bytes().all(|byte| byte.is_ascii_graphic()), "{part:?}");
            }
            prop_assert!(url.resource().starts_with('/') && url.port() > 0);
            prop_assert!(!url.host().is_empty());
        }
    }
}

#[track_caller]
fn parse(text: &str) -> Url {
    text.parse().expect("the URL is good")
}

#[track_caller]
fn refuse(text: &str) -> UrlError {
    text.parse::<Url>().expect_err("the URL is bad")
}
