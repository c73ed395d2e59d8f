//! A URL that is accepted cannot break out of a request, prints to itself, and names the host and the port that the
//! `url` crate finds in it.
#![no_main]

mod shared;

use hybi::handshake::{Request, Url};
use libfuzzer_sys::fuzz_target;
use shared::standard_urls::is_numeric;

fuzz_target!(|text: &str| {
    let Ok(url) = text.parse::<Url>() else { return };
    for part in [url.host(), url.resource(), &url.host_header()] {
        assert!(part.bytes().all(|b| b.is_ascii_graphic()), "{part:?}");
    }
    assert!(url.resource().starts_with('/') && !url.resource().contains('#') && url.port() != 0);
    assert!(!url.host().contains(['/', '?', '@', '[']), "{:?}", url.host());
    let printed = url.to_string();
    assert_eq!(printed.parse::<Url>().as_ref(), Ok(&url), "{printed}");
    assert_eq!(Request::new(text).expect("the URL is good").url(), &url);

    // Names that the URL Standard reads as numbers, or refuses (`xn--`, a label's form), are names here.
    let Ok(theirs) = url::Url::parse(text) else { return };
    let Some(host) = theirs.host_str() else { panic!("{text:?} has no host") };
    if !is_numeric(url.host()) {
        assert_eq!(host.trim_matches(['[', ']']), url.host());
    }
    assert_eq!(theirs.port_or_known_default(), Some(url.port()));
    assert_eq!(theirs.scheme() == "wss", url.is_tls());
});
