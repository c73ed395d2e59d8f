//! Requests that another library has read, as one that serves HTTP does.

use http::header::{HeaderName, HeaderValue};
use http::{Request, Uri, Version};
use hybi::handshake::{Incoming, OriginPolicy};

use super::catalogue::run;
use super::rows;

/// Where both can read a request, it is judged alike: by its bytes, and by the value that they are read into.
#[test]
fn a_request_is_judged_by_its_bytes_as_by_its_value() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for row in rows().iter().filter(|row| row.role() == "server") {
        let Some(request) = row.bytes().and_then(read) else { continue };
        if row.config("origins").is_some() || row.config("require_origin").is_some() {
            continue;
        }
        let Ok(by_bytes) = run(row, usize::MAX) else { continue };
        let Some(status) = by_bytes.status else { continue };
        let by_value = match Incoming::from_request(&request, &OriginPolicy::SameHost) {
            Ok(_) => 101,
            Err(refusal) => refusal.error.status().map_or(0, |status| status.as_u16()),
        };
        // Limits are the other library's.
        if !matches!(status, 414 | 431) && by_value != status {
            wrong.push(format!("{}: {by_value} for {status}", row.id()));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 250, "only {compared} requests were compared");
}

/// A request line and header lines, as far as they make a value.
fn read(bytes: &[u8]) -> Option<Request<()>> {
    let end = bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
    let lines: Option<Vec<&[u8]>> = bytes[..=end + 1]
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r\n"))
        .collect();
    let (line, fields) = lines.as_deref()?.split_first()?;
    let mut parts = std::str::from_utf8(line).ok()?.split(' ');
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    let mut request = Request::new(());
    *request.method_mut() = method.parse().ok()?;
    // A value has no fragment to refuse.
    *request.uri_mut() = Uri::try_from(target).ok().filter(|_| !target.contains('#'))?;
    *request.version_mut() = match (version, parts.next()) {
        ("HTTP/1.0", None) => Version::HTTP_10,
        ("HTTP/1.1", None) => Version::HTTP_11,
        _ => return None,
    };
    for field in fields {
        let (name, value) = field.split_at(field.iter().position(|byte| *byte == b':')?);
        let name = HeaderName::from_bytes(name).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(&value[1..]).ok()?);
    }
    Some(request)
}
