//! A redirect leads where the `url` crate finds that it does, never to less than TLS, and nothing secret leaves the origin.
#![no_main]

mod shared;

use http::header::{AUTHORIZATION, HeaderValue, LOCATION};
use hybi::connect::redirect;
use hybi::handshake::{Key, Request};
use libfuzzer_sys::fuzz_target;
use shared::standard_urls::join;

fuzz_target!(|input: (bool, &str)| {
    let (tls, location) = input;
    let Ok(value) = HeaderValue::from_str(location) else { return };
    let base = if tls { "wss://a.example:81/b/c/d?e" } else { "ws://a.example:81/b/c/d?e" };
    let request = Request::new(base).expect("the URL is good");
    let request = request.bearer_auth("token").expect("a token");
    let mut response = http::Response::new(());
    *response.status_mut() = http::StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, value);
    let Ok(Some(next)) = redirect(&request, &response) else { return };

    let url = next.url();
    assert!(!tls || url.is_tls(), "weaker");
    let same = (url.is_tls(), url.host(), url.port()) == (tls, "a.example", 81);
    let sent = next.to_http(&Key::from_nonce([0; 16]));
    assert_eq!(sent.headers().contains_key(AUTHORIZATION), same);
    assert_eq!(sent.headers()["host"].as_bytes(), url.host_header().as_bytes());

    let Some(theirs) = join(base, location, url) else { return };
    let query = theirs.query().map(|query| format!("?{query}")).unwrap_or_default();
    assert_eq!(url.resource(), format!("{}{query}", theirs.path()), "{location:?}");
    assert_eq!(theirs.host_str().map(|host| host.trim_matches(['[', ']'])), Some(url.host()));
    assert_eq!(theirs.port_or_known_default(), Some(url.port()));
});
