//! A row of the catalogue as it stands in the file; fields that nobody knows are ignored.

use std::io::Read;

use base64::Engine;
use serde_json::Value;

/// A row: an input and what is expected of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    json: Value,
    /// The input, or why it cannot be read.
    bytes: Result<Option<Vec<u8>>, String>,
}

/// Reads a file: an object with `rows`, or the rows themselves.
pub(crate) fn load(text: &str) -> Result<Vec<Row>, String> {
    let text = mark_surrogates(text.trim_start_matches('\u{feff}'));
    let file: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let rows = file.get("rows").unwrap_or(&file).as_array().ok_or("the file holds no rows")?;
    Ok(rows.iter().map(|json| Row { json: json.clone(), bytes: decode(json) }).collect())
}

impl Row {
    pub(crate) fn id(&self) -> &str {
        self.text("id")
    }

    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn area(&self) -> &str {
        self.text("area")
    }

    /// Who receives the bytes, or makes the call: `server`, `client` or `both`.
    pub(crate) fn role(&self) -> &str {
        self.text("role")
    }

    pub(crate) fn is_client(&self) -> bool {
        self.role() == "client"
    }

    /// What comes from the peer, or what is handed to the library.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_ref().ok()?.as_deref()
    }

    /// Why this is no row that could be run, if so: no object, without an expectation, or with an input that is not what
    /// it says.
    pub(crate) fn fault(&self) -> Option<String> {
        if !self.json["expect"].is_object() {
            return Some("no row: it expects nothing".into());
        }
        let lacks = self.bytes() == Some(&[]) && self.json["generator"].is_string();
        let lacks = lacks || (self.bytes().is_none() && self.procedure().is_none());
        match &self.bytes {
            Err(why) => Some(why.clone()),
            Ok(_) if lacks => Some("no bytes: they are described, not given".into()),
            Ok(_) => None,
        }
    }

    /// Whether the transport ends after the bytes.
    pub(crate) fn eof(&self) -> bool {
        self.json["eof"] == true
    }

    pub(crate) fn procedure(&self) -> Option<&str> {
        self.json["procedure"].as_str()
    }

    /// The extension that is in use: the first of a list, or the only one.
    pub(crate) fn negotiated(&self) -> Option<&str> {
        let negotiated = &self.json["negotiated"];
        negotiated.get(0).unwrap_or(negotiated).as_str().filter(|name| !name.is_empty())
    }

    /// The extensions that we have offered, where we are the client.
    pub(crate) fn offer(&self) -> Option<&str> {
        self.json["offer"].as_str()
    }

    /// What is configured under a key, by whatever name a file has for it.
    pub(crate) fn config(&self, key: &str) -> Option<&Value> {
        let others = ALIASES.iter().find(|names| names[0] == key).copied().unwrap_or_default();
        let config = &self.json["config"];
        let mut values = [key].into_iter().chain(others.iter().copied()).map(|key| &config[key]);
        values.find(|value| !value.is_null())
    }

    /// Whether a limit is named and no number given: then there is none.
    pub(crate) fn lifts(&self, key: &str) -> bool {
        self.json["config"].get(key).is_some_and(Value::is_null)
    }

    pub(crate) fn config_number(&self, key: &str) -> Option<u64> {
        self.config(key)?.as_u64()
    }

    /// A list of texts, or a single one.
    pub(crate) fn config_texts(&self, key: &str) -> Vec<String> {
        let Some(value) = self.config(key) else { return Vec::new() };
        let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// What is configured and means nothing here.
    pub(crate) fn unknown_config(&self) -> impl Iterator<Item = &str> {
        let config = self.json["config"].as_object().into_iter().flatten();
        let config = config.filter(|(_, value)| !value.is_null()).map(|(key, _)| key.as_str());
        config.filter(|key| !ALIASES.iter().any(|names| names.contains(key)))
    }

    /// What is expected, or a part of what success is to be.
    pub(crate) fn expects(&self, key: &str) -> Option<&Value> {
        let expect = &self.json["expect"];
        expect.get(key).or_else(|| expect["ok"].get(key))
    }

    /// The names of what is expected.
    pub(crate) fn expected_keys(&self) -> impl Iterator<Item = &str> {
        self.json["expect"].as_object().into_iter().flatten().map(|(key, _)| key.as_str())
    }

    /// A number; of several that are equally good the first.
    pub(crate) fn expects_number(&self, key: &str) -> Option<u64> {
        let value = self.expects(key)?;
        value.as_u64().or_else(|| value.get(0)?.as_u64())
    }

    /// Whether a number is the one, or one of those, that are expected under `key`.
    pub(crate) fn takes_number(&self, key: &str, number: u16) -> bool {
        let Some(expected) = self.expects(key) else { return false };
        *expected == number || expected.as_array().is_some_and(|list| list.contains(&number.into()))
    }

    pub(crate) fn expects_text(&self, key: &str) -> Option<&str> {
        self.expects(key)?.as_str()
    }

    pub(crate) fn expects_success(&self) -> bool {
        self.expects("ok").is_some_and(|ok| *ok == true || ok.is_object())
    }

    /// Whether `value` stands among what is acceptable beside the first choice.
    pub(crate) fn also_accepts(&self, value: impl Into<Value>) -> bool {
        let value = value.into();
        self.acceptable().any(|known| *known == value)
    }

    /// Whether an error is acceptable, by whatever name, where the first choice is none.
    pub(crate) fn also_accepts_an_error(&self) -> bool {
        self.acceptable().filter_map(Value::as_str).any(|known| known.starts_with("error"))
    }

    /// What is acceptable beside the first choice: a list, or a single thing.
    pub(crate) fn acceptable(&self) -> impl Iterator<Item = &Value> {
        let list = self.expects("also_acceptable").into_iter();
        list.flat_map(|list| list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice))
    }

    /// The same row with another expectation.
    #[cfg(test)]
    pub(crate) fn expecting(mut self, expect: Value) -> Self {
        self.json["expect"] = expect;
        self
    }

    /// The expectation, as it stands in the file.
    pub(crate) fn expectation(&self) -> String {
        self.json["expect"].to_string()
    }

    fn text(&self, key: &str) -> &str {
        self.json[key].as_str().unwrap_or_default()
    }
}

/// What can be configured, each with other names for the same.
const ALIASES: &[&[&str]] = &[
    &["url"],
    &["headers"],
    &["key"],
    &["subprotocols", "subprotocol", "protocols"],
    &["origins", "origin", "origin_policy", "allowed_origins"],
    &["require_origin"],
    &["follow_redirects"],
    &["permessage_deflate", "compression"],
    &["max_headers", "max_header_count", "max_header_lines"],
    &["max_header_size", "max_head_size", "max_header_bytes", "max_headers_size"],
    &["max_frame_size", "max_frame"],
    &["max_message_size", "max_message", "max_size"],
    &["max_fragments"],
    &["max_empty_fragments"],
    &["max_inflate_ratio", "max_ratio"],
    &["control_frame_burst", "max_control_frames"],
    &["control_frames_per_second"],
    // Of these nothing depends on the bytes alone: the clock does not move, and one pong waits at most.
    &["max_pending_pongs"],
    &["close_timeout"],
    &["handshake_timeout"],
    &["idle_timeout"],
    &["message_timeout"],
    &["ping_interval"],
    &["pong_timeout"],
    &["write_timeout"],
];

/// The bytes in whichever form they are given; `text` is only the last resort.
fn decode(json: &Value) -> Result<Option<Vec<u8>>, String> {
    let bytes = if let Some(hex) = json["bytes_hex"].as_str() {
        Some(from_hex(hex).ok_or("bytes_hex is not hexadecimal")?)
    } else if let Some(packed) = json["bytes_zlib_b64"].as_str() {
        let zlib = base64::engine::general_purpose::STANDARD.decode(packed);
        let zlib = zlib.map_err(|error| format!("bytes_zlib_b64: {error}"))?;
        let mut bytes = Vec::new();
        let inflated = flate2::read::ZlibDecoder::new(&*zlib).read_to_end(&mut bytes);
        inflated.map_err(|error| format!("bytes_zlib_b64: {error}"))?;
        Some(bytes)
    } else {
        // Half of a surrogate pair is what UTF-8 must not have: U+D800, as it would be written.
        let text = json["text"].as_str().map(|text| text.split(SURROGATE));
        text.map(|parts| parts.map(str::as_bytes).collect::<Vec<_>>().join(&b"\xed\xa0\x80"[..]))
    };
    match (&bytes, json["bytes_len"].as_u64()) {
        (Some(bytes), Some(len)) if u64::try_from(bytes.len()) != Ok(len) => {
            Err(format!("{} bytes, not bytes_len", bytes.len()))
        }
        _ => Ok(bytes),
    }
}

/// Stands for half of a surrogate pair, which JSON can write and no text in Rust can hold.
const SURROGATE: char = '\u{fdd0}';

/// Replaces escapes of halves that stand alone, so that one row does not spoil the file.
fn mark_surrogates(json: &str) -> String {
    let mut marked = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, escape)) = rest.find('\\').map(|at| rest.split_at(at)) {
        marked.push_str(before);
        let half = |text: &str| {
            let digits = text.strip_prefix("\\u")?.get(..4)?;
            u32::from_str_radix(digits, 16).ok().filter(|unit| (0xD800..0xE000).contains(unit))
        };
        let len = match (half(escape), escape.get(6..).and_then(half)) {
            (Some(0xD800..0xDC00), Some(0xDC00..)) => 12,
            (Some(_), _) => 0,
            // With the character that is escaped, which may be a backslash.
            (None, _) => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        if len == 0 {
            marked.push(SURROGATE);
        }
        let (kept, behind) = escape.split_at(len);
        marked.push_str(kept);
        rest = if len == 0 { &behind[6..] } else { behind };
    }
    marked + rest
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.chars().filter(|c| !c.is_whitespace());
    let digits: Option<Vec<u8>> =
        digits.map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
