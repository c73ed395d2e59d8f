//! Where the URL Standard leads, by the `url` crate, and where it is known to lead elsewhere than RFC 3986.

use hybi::handshake::Url;

/// Whether the URL Standard reads the host as a number; here it is a name.
pub fn is_numeric(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    last.starts_with(|c: char| c.is_ascii_digit())
}

/// Where `location` leads from `base`; `None` where that need not be `ours`.
pub fn join(base: &str, location: &str, ours: &Url) -> Option<url::Url> {
    let base = url::Url::parse(base).expect("the URL is good");
    let mut theirs = base.join(location).ok()?;
    theirs.set_fragment(None);
    // Percent-encoded dots are dots there, and an apostrophe is written %27.
    let written_otherwise = location.contains(['%', '\'']) || ours.host().ends_with('.');
    // The crate takes a segment like `c:` for a drive, from which `..` does not lead.
    let drive = location.split('/').any(|segment| segment.len() == 2 && segment.ends_with(':'));
    (!drive && !written_otherwise && !is_numeric(ours.host())).then_some(theirs)
}
