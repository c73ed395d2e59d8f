//! Heads of HTTP, read once more without the library's code, and what RFC 6455 asks of them.

use hybi::handshake::{Accept, Established, Incoming, accept_key};

/// A head as its bytes stand there.
#[derive(Debug)]
pub struct Head {
    pub first: String,
    fields: Vec<(String, String)>,
}

impl Head {
    /// The last of several, as after interim responses.
    pub fn read_last(bytes: &[u8]) -> Self {
        let heads = String::from_utf8_lossy(bytes);
        let start = heads.trim_end().rfind("\r\n\r\n").map_or(0, |end| end + 4);
        Self::read(heads[start..].as_bytes())
    }

    pub fn read(bytes: &[u8]) -> Self {
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        let text = text.strip_prefix("\r\n").unwrap_or(&text);
        let text = text.strip_suffix("\r\n\r\n").expect("a head ends with an empty line");
        let mut lines = text.split("\r\n");
        let first = lines.next().expect("a first line").to_owned();
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                let last = fields.last_mut().expect("a line to continue");
                last.1 = format!("{} {}", last.1, line).trim_matches([' ', '\t']).to_owned();
                continue;
            }
            let (name, value) = line.split_once(':').expect("a colon in every line");
            assert!(!name.is_empty() && !name.contains([' ', '\t']), "{name:?} is no name");
            let value = value.trim_matches([' ', '\t']);
            assert!(!value.contains(['\r', '\n', '\0']), "{value:?} is no value");
            fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Self { first, fields }
    }

    pub fn values(&self, name: &str) -> Vec<&str> {
        let wanted = self.fields.iter().filter(|field| field.0 == name);
        wanted.map(|field| field.1.as_str()).collect()
    }

    pub fn elements(&self, name: &str) -> Vec<String> {
        let values = self.values(name);
        let elements = values.iter().flat_map(|value| value.split(','));
        elements.map(|element| element.trim_matches([' ', '\t']).to_owned()).collect()
    }

    pub fn has(&self, name: &str, token: &str) -> bool {
        self.elements(name).iter().any(|element| element.eq_ignore_ascii_case(token))
    }

    /// The first digit of a response's status.
    pub fn status(&self) -> Option<char> {
        let known = ["HTTP/1.0 ", "HTTP/1.1 "];
        known.iter().find_map(|version| self.first.strip_prefix(version)?.chars().next())
    }
}

/// What was accepted keeps every MUST of section 4.2.1, is told as it stands there, and is answered as 4.2.2 asks.
pub fn keeps_section_4_2(request: &[u8], incoming: Incoming) {
    let head = Head::read(request);
    assert!(head.first.starts_with("GET ") && head.first.ends_with(" HTTP/1.1"));
    assert_eq!(head.first.matches(' ').count(), 2);
    assert_eq!(head.values("host").len(), 1);
    assert!(head.has("upgrade", "websocket") && head.has("connection", "upgrade"));
    assert_eq!(head.values("sec-websocket-version"), ["13"]);
    assert!(head.values("transfer-encoding").is_empty());
    let [key] = head.values("sec-websocket-key")[..] else { panic!("one key") };
    assert!(key.len() == 24 && key.ends_with("=="));

    is_told_as_it_stands(&head, &incoming);
    let answer = incoming.accept(&Accept::new()).expect("nothing is asked for").to_bytes();
    let answer = Head::read(&answer);
    assert_eq!(answer.first, "HTTP/1.1 101 Switching Protocols");
    assert_eq!(answer.values("sec-websocket-accept"), [accept_key(key.as_bytes())]);
}

fn is_told_as_it_stands(head: &Head, incoming: &Incoming) {
    let request = incoming.to_http();
    assert_eq!(head.first.split(' ').nth(1), Some(incoming.target()));
    assert_eq!(incoming.path(), request.uri().path());
    assert_eq!(incoming.query(), request.uri().query());
    assert_eq!(request.headers().len(), incoming.headers().count());
    for (name, value) in incoming.headers() {
        let value: String = value.iter().map(|&byte| char::from(byte)).collect();
        assert!(head.values(&name.to_ascii_lowercase()).contains(&&*value));
    }
    let offered = head.elements("sec-websocket-protocol");
    assert!(incoming.subprotocols().all(|name| offered.iter().any(|known| known == name)));
}

/// One whole response, after which the connection ends.
pub fn is_one_refusal(response: &[u8]) {
    let response = std::str::from_utf8(response).expect("ours is ASCII");
    let (head, body) = response.split_once("\r\n\r\n").expect("the head ends");
    let head = Head::read(format!("{head}\r\n\r\n").as_bytes());
    assert!(head.first.starts_with("HTTP/1.1 4") || head.first.starts_with("HTTP/1.1 505 "));
    assert_eq!(head.values("content-length"), [body.len().to_string()]);
    assert!(!body.contains("HTTP/1.1") && head.has("connection", "close"));
}

/// A 101 that answers this key, and chooses of `offered` alone (section 4.1).
pub fn answers(response: &[u8], key: &str, offered: &[&str], established: &Established) {
    let head = Head::read_last(response);
    assert!(head.first.starts_with("HTTP/1.1 101"), "{head:?}");
    assert_eq!(head.values("sec-websocket-accept"), [accept_key(key.as_bytes())]);
    assert!(head.values("upgrade")[0].eq_ignore_ascii_case("websocket"));
    assert!(head.has("connection", "upgrade"));
    assert!(head.values("sec-websocket-extensions").is_empty(), "none was offered");
    let chosen = established.negotiated.subprotocol.as_deref();
    assert_eq!(chosen, head.values("sec-websocket-protocol").first().copied());
    assert!(chosen.is_none_or(|chosen| offered.contains(&chosen)));
}
