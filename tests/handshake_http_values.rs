//! The handshake for those whose HTTP another library handles: `http::Request` and `http::Response` values over
//! HTTP/1.1, and extended CONNECT over HTTP/2 and HTTP/3 (RFC 8441, RFC 9220).
#![cfg(feature = "handshake")]

use http::{Method, Request as HttpRequest, Response, StatusCode, Version, header};
use hybi::handshake::{
    Accept, HandshakeError, Incoming, Key, OriginPolicy, Refusal, Request, verify,
};

#[test]
fn the_request_of_a_client_is_taken_by_a_server_and_the_answer_by_the_client() {
    let key = Key::from_nonce(*b"the sample nonce");
    let asked = request().to_http(&key);
    let incoming = Incoming::from_request(&asked, &OriginPolicy::SameHost).expect("it is ours");
    assert_eq!((incoming.path(), incoming.query()), ("/chat", Some("room=1")));
    assert!(incoming.subprotocols().eq(["chat", "superchat"]));
    let accepted = incoming.accept(&Accept::new().subprotocol("superchat")).expect("it is offered");
    let (response, agreed) = accepted.into_response();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let verified = verify(&response, &request(), &key).expect("it is ours");
    assert_eq!(verified, agreed);
    assert_eq!(verified.subprotocol.as_deref(), Some("superchat"));
}

#[test]
fn a_request_as_a_value_is_the_one_that_goes_over_the_wire() {
    let asked = request().to_http(&Key::from_nonce(*b"the sample nonce"));
    assert_eq!((asked.method(), asked.version()), (&Method::GET, Version::HTTP_11));
    assert_eq!(asked.uri(), "/chat?room=1");
    let fields: Vec<_> =
        asked.headers().iter().map(|(name, value)| (name.as_str(), value)).collect();
    assert_eq!(fields[0], ("host", &header::HeaderValue::from_static("example.com")));
    for (name, value) in [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, superchat"),
    ] {
        assert_eq!(asked.headers()[name], value);
        assert_eq!(asked.headers().get_all(name).iter().count(), 1);
    }
}

#[test]
fn a_request_of_any_body_type_is_looked_at_without_its_body() {
    let asked = request().to_http(&Key::from_nonce([7; 16])).map(|()| vec!["a body"]);
    assert!(Incoming::from_request(&asked, &OriginPolicy::SameHost).is_ok());
}

#[test]
fn section_4_2_1_holds_for_values_as_for_bytes() {
    let refused = |change: &dyn Fn(&mut HttpRequest<()>)| refusal(upgrade(), change);
    assert_eq!(refused(&|r| *r.method_mut() = Method::POST), 405);
    assert_eq!(refused(&|r| *r.version_mut() = Version::HTTP_10), 505);
    assert_eq!(refused(&|r| *r.version_mut() = Version::HTTP_2), 505);
    for (field, status) in [
        ("host", 400),
        ("upgrade", 426),
        ("connection", 400),
        ("sec-websocket-key", 400),
        ("sec-websocket-version", 400),
    ] {
        assert_eq!(refused(&|r| drop(r.headers_mut().remove(field))), status, "no {field}");
        let twice = |r: &mut HttpRequest<()>| {
            let value = r.headers()[field].clone();
            r.headers_mut().append(field, value);
        };
        if !matches!(field, "upgrade" | "connection") {
            assert_eq!(refused(&twice), 400, "two {field}");
        }
    }
    assert_eq!(refused(&|r| set(r, "origin", "http://evil.example")), 403);
    assert_eq!(refused(&|r| set(r, "content-length", "5")), 400);
    assert_eq!(refused(&|r| set(r, "sec-websocket-protocol", "a,a")), 400);
    assert_eq!(refused(&|r| set(r, "sec-websocket-extensions", "a;")), 400);
    assert_eq!(refused(&|r| *r.uri_mut() = "*".parse().expect("it is a target")), 400);
}

/// Section 4.1 holds for values as for bytes.
#[test]
fn section_4_1_an_answer_as_a_value_is_checked() {
    let key = Key::from_nonce(*b"the sample nonce");
    let check = |change: &dyn Fn(&mut Response<()>)| {
        let mut response = answer();
        change(&mut response);
        verify(&response, &request(), &key)
    };
    assert!(check(&|_| {}).is_ok());
    assert!(matches!(
        check(&|r| *r.version_mut() = Version::HTTP_10),
        Err(HandshakeError::HttpVersion)
    ));
    assert!(matches!(
        check(&|r| drop(r.headers_mut().remove("upgrade"))),
        Err(HandshakeError::MissingHeader("Upgrade"))
    ));
    assert!(matches!(
        check(&|r| drop(r.headers_mut().insert("sec-websocket-accept", value("x")))),
        Err(HandshakeError::AcceptMismatch)
    ));
    assert!(matches!(
        check(&|r| drop(r.headers_mut().insert("sec-websocket-protocol", value("mqtt")))),
        Err(HandshakeError::UnexpectedSubprotocol)
    ));
    let refused = check(&|r| {
        *r.status_mut() = StatusCode::FORBIDDEN;
        r.headers_mut().insert("x-why", value("because"));
    });
    let Err(HandshakeError::Refused(refused)) = refused else { panic!("it is a refusal") };
    assert_eq!(
        (refused.status(), refused.headers()["x-why"].as_bytes()),
        (StatusCode::FORBIDDEN, &b"because"[..])
    );
    assert!(refused.body().is_empty(), "the body is the other library's");
}

/// Each connection asks with a key of its own, and only its own answer will do.
#[test]
fn section_4_1_item_4_the_answer_to_another_key_will_not_do() {
    let result = verify(&answer(), &request(), &Key::from_nonce(*b"another nonce..."));
    assert!(matches!(result, Err(HandshakeError::AcceptMismatch)));
}

#[test]
fn rfc_8441_section_5_an_extended_connect_is_answered_with_200_and_nothing_of_http_1() {
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let mut asked = connect();
        *asked.version_mut() = version;
        let incoming = Incoming::from_request(&asked, &OriginPolicy::SameHost).expect("it is one");
        assert_eq!((incoming.path(), incoming.query()), ("/chat", Some("x")));
        assert!(incoming.subprotocols().eq(["chat", "superchat"]));
        let accepted = incoming.accept(&Accept::new().subprotocol("chat")).expect("it is offered");
        let (response, agreed) = accepted.into_response();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
        for absent in ["upgrade", "connection", "sec-websocket-accept"] {
            assert!(!response.headers().contains_key(absent), "{absent}");
        }
        assert_eq!(agreed.subprotocol.as_deref(), Some("chat"));
    }
}

#[test]
fn rfc_8441_section_5_version_origin_and_subprotocols_are_checked_all_the_same() {
    let refused = |change: &dyn Fn(&mut HttpRequest<()>)| refusal(connect(), change);
    assert_eq!(refused(&|r| drop(r.headers_mut().remove("sec-websocket-version"))), 400);
    assert!(matches!(refused(&|r| set(r, "sec-websocket-version", "8")), 400 | 426));
    assert_eq!(refused(&|r| set(r, "sec-websocket-protocol", "a b")), 400);
    // The host is that of `:authority`.
    assert_eq!(refused(&|r| set(r, "origin", "https://evil.example")), 403);
}

/// A CONNECT without `:protocol` asks for a tunnel to somewhere else (RFC 9113 section 8.5).
/// Nor is one of HTTP/1.1, nor another method. What only looks like one is judged as any other request.
#[test]
fn rfc_8441_section_4_a_connect_names_scheme_and_path() {
    for (method, uri, status) in [
        ("CONNECT", "server.example.com:443", 405),
        ("CONNECT", "server.example.com", 405),
        ("CONNECT", "/chat", 405),
        ("POST", "https://server.example.com/chat", 405),
        ("GET", "https://server.example.com/chat", 505),
    ] {
        let refused = refusal(connect(), &|request| {
            *request.method_mut() = method.parse().expect("the method is good");
            *request.uri_mut() = uri.parse().expect("the URI is good");
        });
        assert_eq!(refused, status, "{method} {uri}");
    }
    assert_eq!(refusal(connect(), &|r| *r.version_mut() = Version::HTTP_11), 405);
}

/// `http` makes such values, and would not read them again.
#[test]
fn the_target_of_an_extended_connect_is_one_that_can_be_read_again() {
    let uri = |path: &str| {
        let uri = http::Uri::builder().scheme("https").authority("server.example.com");
        uri.path_and_query(path).build().expect("`http` makes it")
    };
    assert_eq!(refusal(connect(), &|request| *request.uri_mut() = uri("*")), 400);
    let long = format!("/{}", "x".repeat(65_530));
    assert_eq!(refusal(connect(), &|request| *request.uri_mut() = uri(&long)), 400);
}

fn request() -> Request {
    let request = Request::new("ws://example.com/chat?room=1").expect("the URL is good");
    let request = request.subprotocol("chat").and_then(|request| request.subprotocol("superchat"));
    request.expect("they are tokens")
}

fn upgrade() -> HttpRequest<()> {
    request().to_http(&Key::from_nonce(*b"the sample nonce"))
}

fn answer() -> Response<()> {
    let incoming = Incoming::from_request(&upgrade(), &OriginPolicy::Any).expect("it is ours");
    incoming.accept(&Accept::new()).expect("nothing is asked for").into_response().0
}

/// The example of RFC 8441 section 5.1.
fn connect() -> HttpRequest<()> {
    HttpRequest::builder()
        .method(Method::CONNECT)
        .version(Version::HTTP_2)
        .uri("https://server.example.com/chat?x")
        .header("sec-websocket-protocol", "chat, superchat")
        .header("sec-websocket-extensions", "permessage-deflate")
        .header("sec-websocket-version", "13")
        .header("origin", "https://server.example.com")
        .body(())
        .expect("the example is well-formed")
}

/// The status of the refusal of a request that has been changed.
#[track_caller]
fn refusal(mut request: HttpRequest<()>, change: &dyn Fn(&mut HttpRequest<()>)) -> u16 {
    assert!(Incoming::from_request(&request, &OriginPolicy::SameHost).is_ok());
    change(&mut request);
    let result = Incoming::from_request(&request, &OriginPolicy::SameHost);
    let Refusal { error, .. } = result.expect_err("the change makes it none");
    error.status().expect("an answer is owed").as_u16()
}

fn set(request: &mut HttpRequest<()>, name: &'static str, text: &'static str) {
    request.headers_mut().insert(name, value(text));
}

fn value(text: &'static str) -> header::HeaderValue {
    header::HeaderValue::from_static(text)
}
