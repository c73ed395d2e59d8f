//! A row of the catalogue as it stands in the file; fields that nobody knows are ignored.

use std::io::Read;

use base64::Engine;
use serde_json::Value;

/// A row: an input and what is expected of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    json: Value,
    bytes: Option<Vec<u8>>,
}

/// Reads a file: an object with `rows`, or the rows themselves.
pub(crate) fn load(text: &str) -> Result<Vec<Row>, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let rows = file.get("rows").unwrap_or(&file).as_array().ok_or("the file holds no rows")?;
    rows.iter().map(Row::new).collect()
}

impl Row {
    fn new(json: &Value) -> Result<Self, String> {
        let bytes =
            decode(json).map_err(|why| format!("{}: {why}", json["id"].as_str().unwrap_or("?")))?;
        Ok(Self { json: json.clone(), bytes })
    }

    pub(crate) fn id(&self) -> &str {
        self.text("id")
    }

    pub(crate) fn name(&self) -> &str {
        self.text("name")
    }

    pub(crate) fn area(&self) -> &str {
        self.text("area")
    }

    pub(crate) fn role(&self) -> &str {
        self.text("role")
    }

    pub(crate) fn is_client(&self) -> bool {
        self.text("role") == "client"
    }

    /// What comes from the peer, or what is handed to the library.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    /// Whether the transport ends after the bytes.
    pub(crate) fn eof(&self) -> bool {
        self.json["eof"] == true
    }

    pub(crate) fn procedure(&self) -> Option<&str> {
        self.json["procedure"].as_str()
    }

    /// The extension that is in use.
    pub(crate) fn negotiated(&self) -> Option<&str> {
        self.json["negotiated"].get(0)?.as_str()
    }

    /// The extensions that we have offered, where we are the client.
    #[cfg(feature = "deflate")]
    pub(crate) fn offer(&self) -> Option<&str> {
        self.json["offer"].as_str()
    }

    pub(crate) fn config(&self, key: &str) -> Option<&Value> {
        self.json["config"].get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn config_number(&self, key: &str) -> Option<u64> {
        self.config(key)?.as_u64()
    }

    pub(crate) fn config_texts(&self, key: &str) -> Vec<String> {
        let list = self.config(key).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    pub(crate) fn expects(&self, key: &str) -> Option<&Value> {
        self.json["expect"].get(key)
    }

    pub(crate) fn expects_number(&self, key: &str) -> Option<u64> {
        self.expects(key)?.as_u64()
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
        let inside = self.expects("ok").and_then(|ok| ok.get("also_acceptable"));
        [self.expects("also_acceptable"), inside]
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .any(|list| list.contains(&value))
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

/// The bytes in whichever form they are given; `text` is only the last resort.
fn decode(json: &Value) -> Result<Option<Vec<u8>>, String> {
    if let Some(hex) = json["bytes_hex"].as_str() {
        return from_hex(hex).map(Some).ok_or_else(|| "bytes_hex is not hexadecimal".into());
    }
    if let Some(packed) = json["bytes_zlib_b64"].as_str() {
        let zlib = base64::engine::general_purpose::STANDARD
            .decode(packed)
            .map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        flate2::read::ZlibDecoder::new(&*zlib)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        return Ok(Some(bytes));
    }
    Ok(json["text"].as_str().map(|text| text.as_bytes().to_vec()))
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
